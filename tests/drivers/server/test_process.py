"""The server as a process: its configuration file, Unix domain socket, pid file, log, and life in the background.

Sources: MongoDB's manual on mongod's options, its configuration file and its exit codes.
"""

import os
import pathlib
import signal
import subprocess
import tempfile
import time
import unittest
import urllib.parse

from pymongo import MongoClient

from smongod import Server, default_binary

CONFIG = """\
storage:
  dbPath: {folder}/data
net:
  port: 0
  unixDomainSocket: {{pathPrefix: {folder}}}
systemLog: {{destination: file, path: {folder}/log, logAppend: true}}
processManagement: {{fork: true, pidFilePath: {folder}/pid}}
setParameter: {{enableTestCommands: true}}
"""


def run(*arguments):
    command = [str(part) for part in (default_binary(), *arguments)]
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)


def socket_uri(path):
    return f"mongodb://{urllib.parse.quote_plus(str(path))}/?serverSelectionTimeoutMS=20000&directConnection=true"


def is_alive(pid):
    """Whether a process lives; one that nobody has waited for yet does not."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


class TestProcess(unittest.TestCase):
    def setUp(self):
        held = tempfile.TemporaryDirectory()
        self.addCleanup(held.cleanup)
        self.folder = pathlib.Path(held.name)

    def test_unix_domain_socket(self):
        with Server(self.folder / "data") as server:
            path = server.directory / f"mongodb-{server.port}.sock"
            self.assertEqual(path.stat().st_mode & 0o777, 0o700)
            with MongoClient(socket_uri(path)) as client:
                client.shop.things.insert_one({"_id": 1})
                self.assertEqual(client.shop.things.find_one(), {"_id": 1})
            self.assertEqual(server.stop(), 0)
            self.assertFalse(path.exists())

    def test_socket_of_a_killed_server_is_taken_over(self):
        with Server(self.folder / "data") as server:
            server.kill()
            path = server.directory / f"mongodb-{server.port}.sock"
            self.assertTrue(path.exists())
            server.arguments = ("--port", str(server.port))
            server.start()
            with MongoClient(socket_uri(path)) as client:
                self.assertEqual(client.admin.command("ping")["ok"], 1)

    def test_configuration_file_and_background(self):
        config = self.folder / "conf"
        config.write_text(CONFIG.format(folder=self.folder))
        started = run("--config", config)
        self.assertEqual(started.returncode, 0, started)
        self.assertIn("child process started successfully, parent exiting", started.stdout)
        pid = int((self.folder / "pid").read_text())
        self.assertIn(f"forked process: {pid}", started.stdout)
        try:
            [path] = self.folder.glob("mongodb-*.sock")
            with MongoClient(socket_uri(path)) as client:
                told = client.admin.command("getParameter", 1, enableTestCommands=1)
                self.assertTrue(told["enableTestCommands"])
        finally:
            os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + 60
        while is_alive(pid) and time.monotonic() < deadline:
            time.sleep(0.05)
        self.assertFalse(is_alive(pid))
        self.assertFalse((self.folder / "pid").exists())

    def test_background_failure_is_reported(self):
        (self.folder / "file").write_text("")
        failed = run("--fork", "--logpath", self.folder / "log", "--dbpath", self.folder / "file")
        self.assertEqual(failed.returncode, 100, failed)
        self.assertIn("child process failed, exited with 100", failed.stdout)

    def test_bad_options_end_with_2(self):
        config = self.folder / "conf"
        for text in ("net: {prot: 1}", "net: [", "storage: {engine: mmapv1}", "systemLog: {destination: file}"):
            config.write_text(text)
            self.assertEqual(run("--config", config).returncode, 2, text)
        self.assertEqual(run("--fork").returncode, 2)
        self.assertEqual(run("--unheard-of").returncode, 2)

    def test_log_is_set_aside_or_continued(self):
        log = self.folder / "log"
        for arguments, count in (((), 1), (("--logappend",), 1), ((), 2)):
            run("--logpath", log, "--dbpath", self.folder / "none" / "x" / ("y" * 300), *arguments)
            self.assertEqual(len(list(self.folder.glob("log*"))), count, arguments)
            time.sleep(1.1)


if __name__ == "__main__":
    unittest.main()
