"""Logging in, and encrypted connections, as pymongo does them. Sources: MongoDB's manual and the drivers' authentication
specification."""

import pathlib
import tempfile
import unittest

import trustme
from cryptography import x509
from pymongo import MongoClient
from pymongo.errors import ConfigurationError, OperationFailure, ServerSelectionTimeoutError

from smongod import Server

TIMEOUTS = {"serverSelectionTimeoutMS": 3000}


class Logins(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.server = Server(pathlib.Path(cls.folder.name) / "data", "--auth")
        cls.server.start()
        with MongoClient(cls.server.uri, **TIMEOUTS) as client:
            client.admin.command("createUser", "root", pwd="s3cret", roles=["root"])
        with cls.client("root", "s3cret") as root:
            root.shop.command("createUser", "clerk", pwd="pässword", roles=["read"])
            root.shop.things.insert_one({"_id": 1})

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        cls.folder.cleanup()

    @classmethod
    def client(cls, user, password, **options):
        return MongoClient(cls.server.uri, username=user, password=password, **TIMEOUTS, **options)

    def test_both_mechanisms(self):
        for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-1", "DEFAULT"):
            with self.client("clerk", "pässword", authSource="shop", authMechanism=mechanism) as client:
                self.assertEqual(client.shop.things.find_one(), {"_id": 1})

    def test_wrong_passwords_and_unknown_users(self):
        for user, password in (("clerk", "wrong"), ("nobody", "pässword")):
            with self.client(user, password, authSource="shop") as client:
                with self.assertRaises(OperationFailure) as caught:
                    client.shop.things.find_one()
                self.assertEqual(caught.exception.code, 18)

    def test_no_login_no_answer(self):
        with MongoClient(self.server.uri, **TIMEOUTS) as client:
            self.assertEqual(client.admin.command("ping")["ok"], 1)
            with self.assertRaises(OperationFailure) as caught:
                client.shop.things.find_one()
            self.assertEqual(caught.exception.code, 13)

    def test_roles_bound_what_is_allowed(self):
        with self.client("clerk", "pässword", authSource="shop") as clerk, self.client("root", "s3cret") as root:
            with self.assertRaises(OperationFailure) as caught:
                clerk.shop.things.insert_one({})
            self.assertEqual(caught.exception.code, 13)
            root.shop.command("grantRolesToUser", "clerk", roles=["readWrite"])
            clerk.shop.things.insert_one({"_id": 2})
            root.shop.command("revokeRolesFromUser", "clerk", roles=["readWrite"])
            with self.assertRaises(OperationFailure):
                clerk.shop.things.delete_one({"_id": 2})

    def test_users_survive_a_restart(self):
        with tempfile.TemporaryDirectory() as folder:
            data = pathlib.Path(folder) / "data"
            server = Server(data, "--auth")
            server.start()
            with MongoClient(server.uri, **TIMEOUTS) as client:
                client.admin.command("createUser", "ann", pwd="pw", roles=["root"])
            server.stop()
            server.start()
            with MongoClient(server.uri, username="ann", password="pw", **TIMEOUTS) as client:
                self.assertEqual(client.admin.command("usersInfo", 1)["users"][0]["user"], "ann")
            server.stop()


class EncryptedConnections(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        path = pathlib.Path(cls.folder.name)
        authority, stranger = trustme.CA(), trustme.CA()
        cls.ca, cls.key = str(path / "ca.pem"), str(path / "server.pem")
        authority.cert_pem.write_to_path(cls.ca)
        authority.issue_cert("localhost", "127.0.0.1").private_key_and_cert_chain_pem.write_to_path(cls.key)
        cls.mine, cls.foreign = str(path / "client.pem"), str(path / "stranger.pem")
        mine = authority.issue_cert("client.example", common_name="ann")
        mine.private_key_and_cert_chain_pem.write_to_path(cls.mine)
        stranger.issue_cert("client.example").private_key_and_cert_chain_pem.write_to_path(cls.foreign)
        cls.data = path / "data"

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def server(self, name, *options):
        server = Server(self.data / name, "--tlsCertificateKeyFile", self.key, *options)
        server.start()
        self.addCleanup(server.stop)
        return server

    def client(self, server, **options):
        client = MongoClient(server.uri, **TIMEOUTS, **options)
        self.addCleanup(client.close)
        return client

    def test_required_encryption(self):
        server = self.server("required", "--tlsMode", "requireTLS")
        encrypted = self.client(server, tls=True, tlsCAFile=self.ca)
        encrypted.db.c.insert_one({"_id": 1, "pad": "x" * 5_000_000})
        self.assertEqual(len(encrypted.db.c.find_one()["pad"]), 5_000_000)
        with self.assertRaises(ServerSelectionTimeoutError):
            self.client(server).admin.command("ping")

    def test_allowed_encryption(self):
        server = self.server("allowed", "--tlsMode", "allowTLS")
        self.client(server).admin.command("ping")
        self.client(server, tls=True, tlsCAFile=self.ca).admin.command("ping")

    def test_clients_show_certificates(self):
        server = self.server("mutual", "--tlsMode", "requireTLS", "--tlsCAFile", self.ca, "--auth")
        good = {"tls": True, "tlsCAFile": self.ca, "tlsCertificateKeyFile": self.mine}
        with self.assertRaises(ServerSelectionTimeoutError):
            self.client(server, tls=True, tlsCAFile=self.ca).admin.command("ping")
        with self.assertRaises(ServerSelectionTimeoutError):
            self.client(server, **{**good, "tlsCertificateKeyFile": self.foreign}).admin.command("ping")
        first = self.client(server, **good)
        first.admin.command("createUser", "root", pwd="pw", roles=["root"])
        root = self.client(server, username="root", password="pw", **good)
        by_certificate = {**good, "authMechanism": "MONGODB-X509"}
        with self.assertRaises((OperationFailure, ConfigurationError)):
            self.client(server, **by_certificate).db.c.find_one()
        subject = self.subject()
        root["$external"].command("createUser", subject, roles=[{"role": "readWrite", "db": "db"}])
        mine = self.client(server, **by_certificate)
        mine.db.c.insert_one({"_id": 1})
        who = mine.admin.command("connectionStatus")["authInfo"]["authenticatedUsers"]
        self.assertEqual(who, [{"user": subject, "db": "$external"}])

    def subject(self):
        """The certificate's subject, as RFC 2253 writes it."""
        pem = pathlib.Path(self.mine).read_bytes()
        return x509.load_pem_x509_certificates(pem)[0].subject.rfc4514_string()


if __name__ == "__main__":
    unittest.main()
