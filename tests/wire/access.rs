//! Users, roles and what they may do. Sources: MongoDB's manual ("Role-Based Access Control", "Built-In Roles",
//! "Localhost Exception" and the commands' pages), the drivers' authentication specification.

use bson::{Binary, Document, doc, spec::BinarySubtype};
use smongo::command::CommandOptions;
use smongo::wire::ServerOptions;

use crate::client::{Client, TestServer};

fn guarded() -> TestServer {
    TestServer::with(CommandOptions { access_control: true, ..CommandOptions::default() }, ServerOptions::default())
}

fn code(reply: &Document) -> i32 {
    reply.get_i32("code").unwrap_or(0)
}

fn binary(text: &str) -> Binary {
    Binary { subtype: BinarySubtype::Generic, bytes: text.as_bytes().to_vec() }
}

fn payload(reply: &Document) -> String {
    String::from_utf8(reply.get_binary_generic("payload").unwrap().clone()).unwrap()
}

/// The client's side of SCRAM-SHA-256, with the password's key from the server's salt.
fn log_in(client: &mut Client, db: &str, user: &str, password: &str) -> i32 {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use hmac::{Hmac, Mac};
    use sha2::{Digest, Sha256};
    let hmac = |key: &[u8], data: &[u8]| {
        let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
        mac.update(data);
        mac.finalize().into_bytes().to_vec()
    };
    let bare = format!("n={user},r=abcdef");
    let start = doc! {
        "saslStart": 1, "mechanism": "SCRAM-SHA-256", "payload": binary(&format!("n,,{bare}")),
        "options": {"skipEmptyExchange": true},
    };
    let reply = client.command(db, start);
    if code(&reply) != 0 {
        return code(&reply);
    }
    let first = payload(&reply);
    let part = |name: &str| first.split(',').find_map(|part| part.strip_prefix(name)).unwrap();
    let salt = STANDARD.decode(part("s=")).unwrap();
    let salted = pbkdf2::pbkdf2_hmac_array::<Sha256, 32>(password.as_bytes(), &salt, part("i=").parse().unwrap());
    let without_proof = format!("c=biws,r={}", part("r="));
    let key = hmac(&salted, b"Client Key");
    let signature = hmac(&Sha256::digest(&key), format!("{bare},{first},{without_proof}").as_bytes());
    let proof: Vec<u8> = key.iter().zip(&signature).map(|(a, b)| a ^ b).collect();
    let last = format!("{without_proof},p={}", STANDARD.encode(proof));
    let reply = client.command(db, doc! {"saslContinue": 1, "conversationId": 1, "payload": binary(&last)});
    if code(&reply) == 0 {
        assert!(reply.get_bool("done").unwrap() && payload(&reply).starts_with("v="));
    }
    code(&reply)
}

fn create_admin(client: &mut Client) {
    let admin = doc! {"createUser": "admin", "pwd": "secret", "roles": ["root"]};
    assert_eq!(code(&client.command("admin", admin)), 0);
}

#[test]
fn without_a_login_only_the_handshake_is_answered() {
    let server = guarded();
    let mut client = server.client();
    create_admin(&mut client);
    let list = client.command("admin", doc! {"listCommands": 1});
    let commands = list.get_document("commands").unwrap();
    assert!(commands.len() > 90);
    let mut open = Vec::new();
    for (name, description) in commands {
        let requires = description.as_document().unwrap().get_bool("requiresAuth").unwrap();
        // `hello` may wait, and `getLastError` is refused with a code of its own.
        let reply = client.command("admin", doc! {name: 1});
        assert_eq!(requires, code(&reply) == 13, "{name}: {reply}");
        if !requires {
            open.push(name.clone());
        }
    }
    open.sort();
    let expected = [
        "authenticate",
        "buildInfo",
        "connectionStatus",
        "endSessions",
        "features",
        "getLastError",
        "getnonce",
        "hello",
        "isMaster",
        "listCommands",
        "logout",
        "ping",
        "saslContinue",
        "saslStart",
        "whatsmyuri",
    ];
    assert_eq!(open, expected);
}

#[test]
fn the_first_user_is_made_from_this_machine_and_no_second_one() {
    let server = guarded();
    let mut client = server.client();
    assert_eq!(code(&client.command("db", doc! {"find": "c"})), 13);
    create_admin(&mut client);
    let second = doc! {"createUser": "other", "pwd": "x", "roles": []};
    assert_eq!(code(&client.command("admin", second.clone())), 13);
    assert_eq!(log_in(&mut client, "admin", "admin", "wrong"), 18);
    assert_eq!(log_in(&mut client, "admin", "nobody", "secret"), 18);
    assert_eq!(log_in(&mut client, "db", "admin", "secret"), 18);
    assert_eq!(code(&client.command("db", doc! {"find": "c"})), 13);
    assert_eq!(log_in(&mut client, "admin", "admin", "secret"), 0);
    assert_eq!(code(&client.command("admin", second)), 0);
    let status = client.command("admin", doc! {"connectionStatus": 1});
    let info = status.get_document("authInfo").unwrap();
    assert_eq!(info.get_array("authenticatedUsers").unwrap(), &vec![doc! {"user": "admin", "db": "admin"}.into()]);
    assert_eq!(code(&client.command("admin", doc! {"logout": 1})), 0);
    assert_eq!(code(&client.command("db", doc! {"find": "c"})), 13);
}

#[test]
fn roles_bound_what_a_user_does() {
    let server = guarded();
    let (mut admin, mut user) = (server.client(), server.client());
    create_admin(&mut admin);
    assert_eq!(log_in(&mut admin, "admin", "admin", "secret"), 0);
    let create = doc! {"createUser": "ann", "pwd": "pw", "roles": ["read", {"role": "readWrite", "db": "own"}]};
    assert_eq!(code(&admin.command("db", create)), 0);
    assert_eq!(log_in(&mut user, "db", "ann", "pw"), 0);
    let insert = doc! {"insert": "c", "documents": [{"_id": 1}]};
    let out = |target: Document| doc! {"aggregate": "c", "pipeline": [{"$out": target}], "cursor": {}};
    let rows = [
        (0, "db", doc! {"find": "c"}),
        (0, "db", doc! {"count": "c"}),
        (0, "db", doc! {"listCollections": 1}),
        (13, "db", insert.clone()),
        (13, "db", doc! {"update": "c", "updates": [{"q": {}, "u": {"$set": {"a": 1}}}]}),
        (13, "db", doc! {"drop": "c"}),
        (13, "db", doc! {"explain": {"delete": "c", "deletes": [{"q": {}, "limit": 1}]}}),
        (13, "other", doc! {"find": "c"}),
        (13, "admin", doc! {"find": "system.users"}),
        (13, "admin", doc! {"serverStatus": 1}),
        (13, "admin", doc! {"shutdown": 1}),
        (13, "db", doc! {"createUser": "x", "pwd": "x", "roles": []}),
        (0, "own", insert),
        (0, "own", doc! {"createIndexes": "c", "indexes": [{"key": {"a": 1}, "name": "a_1"}]}),
        (13, "own", out(doc! {"db": "db", "coll": "o"})),
        (0, "own", out(doc! {"db": "own", "coll": "o"})),
        (
            13,
            "own",
            doc! {"aggregate": "c", "cursor": {}, "pipeline": [
                {"$facet": {"f": [{"$lookup": {"from": {"db": "other", "coll": "x"}, "as": "y", "pipeline": []}}]}},
            ]},
        ),
        (13, "own", doc! {"usersInfo": 1}),
    ];
    for (expected, db, command) in rows {
        assert_eq!(code(&user.command(db, command.clone())), expected, "{db}: {command}");
    }
    let databases = user.command("admin", doc! {"listDatabases": 1, "nameOnly": true});
    assert_eq!(databases.get_array("databases").unwrap(), &vec![doc! {"name": "own"}.into()]);

    // Rights change for those who are logged in already.
    assert_eq!(code(&admin.command("db", doc! {"grantRolesToUser": "ann", "roles": ["readWrite"]})), 0);
    assert_eq!(code(&user.command("db", doc! {"insert": "c", "documents": [{}]})), 0);
    assert_eq!(code(&admin.command("db", doc! {"dropUser": "ann"})), 0);
    assert_eq!(code(&user.command("db", doc! {"find": "c"})), 13);
}

#[test]
fn custom_roles_and_their_privileges() {
    let server = guarded();
    let (mut admin, mut user) = (server.client(), server.client());
    create_admin(&mut admin);
    assert_eq!(log_in(&mut admin, "admin", "admin", "secret"), 0);
    let privilege = |coll: &str, action: &str| doc! {"resource": {"db": "db", "collection": coll}, "actions": [action]};
    let rows = [
        (0, doc! {"createRole": "r", "privileges": [privilege("c", "find")], "roles": []}),
        (51002, doc! {"createRole": "r", "privileges": [], "roles": []}),
        (2, doc! {"createRole": "read", "privileges": [], "roles": []}),
        (31, doc! {"createRole": "s", "privileges": [], "roles": ["missing"]}),
        (9, doc! {"createRole": "s", "privileges": [privilege("c", "fly")], "roles": []}),
        (
            80,
            doc! {"createRole": "s", "privileges": [{"resource": {"cluster": true}, "actions": ["fsync"]}], "roles": []},
        ),
        (0, doc! {"createRole": "s", "privileges": [], "roles": ["r"]}),
        (80, doc! {"grantRolesToRole": "r", "roles": ["s"]}),
        (80, doc! {"dropRole": "read"}),
        (31, doc! {"dropRole": "missing"}),
        (2, doc! {"updateRole": "r"}),
        (0, doc! {"createUser": "ann", "pwd": "pw", "roles": ["s"]}),
        (51003, doc! {"createUser": "ann", "pwd": "pw", "roles": []}),
        (31, doc! {"createUser": "bob", "pwd": "pw", "roles": ["missing"]}),
        (40414, doc! {"createUser": "bob", "pwd": "pw"}),
        (2, doc! {"createUser": "bob", "roles": []}),
        (2, doc! {"createUser": "", "pwd": "pw", "roles": []}),
        (2, doc! {"updateUser": "ann"}),
        (11, doc! {"updateUser": "bob", "pwd": "x"}),
        (11, doc! {"dropUser": "bob"}),
        (2, doc! {"grantRolesToUser": "ann", "roles": []}),
    ];
    for (expected, command) in rows {
        assert_eq!(code(&admin.command("db", command.clone())), expected, "{command}");
    }
    assert_eq!(log_in(&mut user, "db", "ann", "pw"), 0);
    assert_eq!(code(&user.command("db", doc! {"find": "c"})), 0);
    assert_eq!(code(&user.command("db", doc! {"find": "d"})), 13);
    let grant = doc! {"grantPrivilegesToRole": "r", "privileges": [privilege("d", "find")]};
    assert_eq!(code(&admin.command("db", grant)), 0);
    assert_eq!(code(&user.command("db", doc! {"find": "d"})), 0);
    let info = admin.command("db", doc! {"rolesInfo": "s", "showPrivileges": true});
    let role = info.get_array("roles").unwrap()[0].as_document().unwrap();
    assert_eq!(role.get_array("inheritedRoles").unwrap(), &vec![doc! {"role": "r", "db": "db"}.into()]);
    assert_eq!(role.get_array("inheritedPrivileges").unwrap().len(), 2);
    assert!(!role.get_bool("isBuiltin").unwrap());
    assert_eq!(code(&admin.command("db", doc! {"dropRole": "r"})), 0);
    assert_eq!(code(&user.command("db", doc! {"find": "c"})), 13);
}

#[test]
fn what_is_shown_of_users() {
    let server = TestServer::start();
    let mut client = server.client();
    let create = doc! {"createUser": "ann", "pwd": "pw", "roles": ["read"], "customData": {"a": 1}};
    assert_eq!(code(&client.command("db", create)), 0);
    let info = client.command("db", doc! {"usersInfo": "ann"});
    let user = info.get_array("users").unwrap()[0].as_document().unwrap();
    assert_eq!(user.keys().collect::<Vec<_>>(), ["_id", "userId", "user", "db", "customData", "roles", "mechanisms"]);
    assert_eq!(user.get_str("_id").unwrap(), "db.ann");
    assert_eq!(user.get_array("mechanisms").unwrap(), &vec!["SCRAM-SHA-1".into(), "SCRAM-SHA-256".into()]);
    let hello = client.command("admin", doc! {"hello": 1, "saslSupportedMechs": "db.ann"});
    assert_eq!(hello.get_array("saslSupportedMechs").unwrap().len(), 2);
    let all = client.command("admin", doc! {"usersInfo": {"forAllDBs": true}, "showCredentials": true});
    assert!(all.get_array("users").unwrap()[0].as_document().unwrap().get_document("credentials").is_ok());
    assert_eq!(client.command("db", doc! {"dropAllUsersFromDatabase": 1}).get_i32("n").unwrap(), 1);
}

#[test]
fn a_login_can_travel_with_hello() {
    let server = TestServer::start();
    let mut client = server.client();
    let speculative = |mechanism: &str| {
        doc! {"hello": 1, "speculativeAuthenticate": {
            "saslStart": 1, "mechanism": mechanism, "payload": binary("n,,n=ann,r=abc"), "db": "admin",
        }}
    };
    let reply = client.command("admin", speculative("SCRAM-SHA-256"));
    let answer = reply.get_document("speculativeAuthenticate").unwrap();
    assert!(payload(answer).starts_with("r=abc"));
    assert!(!client.command("admin", speculative("PLAIN")).contains_key("speculativeAuthenticate"));
    let plain = doc! {"saslStart": 1, "mechanism": "PLAIN", "payload": binary("")};
    assert_eq!(code(&client.command("admin", plain)), 334);
}
