"""A smongod process for tests: started on a directory and a free port, stopped or killed by whoever started it."""

import json
import os
import pathlib
import signal
import socket
import subprocess
import time

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
START_TIMEOUT_S = 30
STOP_TIMEOUT_S = 60


def target_directory():
    return REPOSITORY / os.environ.get("CARGO_TARGET_DIR", "target")


def default_binary():
    return pathlib.Path(os.environ.get("SMONGOD", target_directory() / "release" / "smongod"))


class Server:
    """One directory, and one process after the other on it."""

    def __init__(self, directory, *arguments):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.arguments = arguments
        self.log = self.directory / "smongod.log"
        self.process = None
        self.port = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        if self.is_running():
            self.kill()

    @property
    def uri(self):
        return f"mongodb://127.0.0.1:{self.port}/?directConnection=true&serverSelectionTimeoutMS=20000"

    def start(self):
        """Starts the server and waits until it listens; the system chooses the port, and the log says which."""
        seen = self.log.stat().st_size if self.log.exists() else 0
        command = [default_binary(), "--dbpath", self.directory, "--port", "0", "--logpath", self.log, "--logappend"]
        command += ["--unixSocketPrefix", self.directory, *self.arguments]
        self.process = subprocess.Popen([str(part) for part in command], stdin=subprocess.DEVNULL)
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            self.port = self._logged_port(seen)
            if self.port is not None:
                return
            if not self.is_running():
                break
            time.sleep(0.005)
        self.__exit__()
        raise RuntimeError(f"smongod did not start:\n{self.log_tail()}")

    def _logged_port(self, offset):
        if not self.log.exists():
            return None
        with open(self.log, encoding="utf-8", errors="replace") as log:
            log.seek(offset)
            for line in log:
                if '"Waiting for connections"' in line and line.endswith("\n"):
                    return json.loads(line)["attr"]["port"]
        return None

    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def stop(self):
        """An orderly stop; gives the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOP_TIMEOUT_S)

    def kill(self):
        """The end without warning."""
        self.process.kill()
        self.process.wait(STOP_TIMEOUT_S)

    def log_tail(self, lines=20):
        if not self.log.exists():
            return "(no log)"
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])

    def resident_bytes(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
        return int(line.split()[1]) * 1024

    def connect(self, timeout_s=20):
        """A plain socket to the server, for tests that speak the protocol themselves."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=timeout_s)
