//! The roles and actions that are there from the start.
//!
//! Specified in MongoDB's manual under "Built-In Roles" and "Privilege Actions".

use super::privilege::{Privileges, Resource};

/// Every action that a privilege can name.
static ACTIONS: &[&str] = &[
    "addShard",
    "advanceClusterTime",
    "allCollectionStats",
    "analyze",
    "analyzeShardKey",
    "anyAction",
    "appendOplogNote",
    "applicationMessage",
    "applyOps",
    "auditConfigure",
    "auditLogRotate",
    "authSchemaUpgrade",
    "bypassDefaultMaxTimeMS",
    "bypassDocumentValidation",
    "bypassWriteBlockingMode",
    "changeCustomData",
    "changeOwnCustomData",
    "changeOwnPassword",
    "changePassword",
    "changeStream",
    "checkFreeMonitoringStatus",
    "checkMetadataConsistency",
    "cleanupOrphaned",
    "clearJumboFlag",
    "closeAllDatabases",
    "collMod",
    "collStats",
    "compact",
    "compactStructuredEncryptionData",
    "connPoolStats",
    "connPoolSync",
    "convertToCapped",
    "cpuProfiler",
    "createCollection",
    "createDatabase",
    "createIndex",
    "createRole",
    "createSearchIndexes",
    "createUser",
    "dbHash",
    "dbStats",
    "dropCollection",
    "dropConnections",
    "dropDatabase",
    "dropIndex",
    "dropRole",
    "dropSearchIndex",
    "dropUser",
    "enableProfiler",
    "enableSharding",
    "exportCollection",
    "find",
    "flushRouterConfig",
    "forceUUID",
    "fsync",
    "getClusterParameter",
    "getCmdLineOpts",
    "getDatabaseVersion",
    "getDefaultRWConcern",
    "getLog",
    "getParameter",
    "getShardMap",
    "getShardVersion",
    "grantRole",
    "hostInfo",
    "impersonate",
    "importCollection",
    "indexStats",
    "inprog",
    "insert",
    "internal",
    "invalidateUserCache",
    "issueDirectShardOperations",
    "killAnyCursor",
    "killAnySession",
    "killCursors",
    "killop",
    "listCachedAndActiveUsers",
    "listCollections",
    "listCursors",
    "listDatabases",
    "listIndexes",
    "listSampledQueries",
    "listSearchIndexes",
    "listSessions",
    "listShards",
    "logRotate",
    "moveChunk",
    "moveCollection",
    "netstat",
    "oidcListKeys",
    "oidcRefreshKeys",
    "oidReset",
    "operationMetrics",
    "planCacheIndexFilter",
    "planCacheRead",
    "planCacheWrite",
    "querySettings",
    "queryStatsRead",
    "queryStatsReadTransformed",
    "reIndex",
    "refineCollectionShardKey",
    "remove",
    "removeShard",
    "renameCollection",
    "renameCollectionSameDB",
    "replSetConfigure",
    "replSetGetConfig",
    "replSetGetStatus",
    "replSetHeartbeat",
    "replSetReconfig",
    "replSetResizeOplog",
    "replSetStateChange",
    "resetPlacementHistory",
    "reshardCollection",
    "resync",
    "revokeRole",
    "rotateCertificates",
    "runAsLessPrivilegedUser",
    "runTenantMigration",
    "serverStatus",
    "setAuthenticationRestriction",
    "setChangeStreamState",
    "setClusterParameter",
    "setDefaultRWConcern",
    "setFeatureCompatibilityVersion",
    "setFreeMonitoring",
    "setParameter",
    "setUserWriteBlockMode",
    "shardCollection",
    "shardedDataDistribution",
    "shardingState",
    "shutdown",
    "splitChunk",
    "splitVector",
    "storageDetails",
    "top",
    "touch",
    "trafficRecord",
    "transitionFromDedicatedConfigServer",
    "transitionToDedicatedConfigServer",
    "unlock",
    "unshardCollection",
    "untrackUnshardedCollection",
    "update",
    "updateRole",
    "updateSearchIndex",
    "updateUser",
    "useTenant",
    "useUUID",
    "validate",
    "viewRole",
    "viewUser",
];

/// Whether an action of this name exists.
pub(crate) fn is_action(name: &str) -> bool {
    ACTIONS.contains(&name)
}

const READ: &[&str] = &[
    "changeStream",
    "collStats",
    "dbHash",
    "dbStats",
    "find",
    "killCursors",
    "listCollections",
    "listIndexes",
    "listSearchIndexes",
    "planCacheRead",
];

const WRITE: &[&str] = &[
    "compactStructuredEncryptionData",
    "convertToCapped",
    "createCollection",
    "createIndex",
    "createSearchIndexes",
    "dropCollection",
    "dropIndex",
    "dropSearchIndex",
    "insert",
    "remove",
    "renameCollectionSameDB",
    "update",
    "updateSearchIndex",
];

const DB_ADMIN: &[&str] = &[
    "analyze",
    "bypassDocumentValidation",
    "collMod",
    "collStats",
    "compact",
    "convertToCapped",
    "createCollection",
    "createIndex",
    "createSearchIndexes",
    "dbStats",
    "dropCollection",
    "dropDatabase",
    "dropIndex",
    "dropSearchIndex",
    "enableProfiler",
    "listCollections",
    "listIndexes",
    "listSearchIndexes",
    "planCacheIndexFilter",
    "planCacheRead",
    "planCacheWrite",
    "reIndex",
    "renameCollectionSameDB",
    "storageDetails",
    "updateSearchIndex",
    "validate",
];

const USER_ADMIN: &[&str] = &[
    "changeCustomData",
    "changePassword",
    "createRole",
    "createUser",
    "dropRole",
    "dropUser",
    "grantRole",
    "revokeRole",
    "setAuthenticationRestriction",
    "viewRole",
    "viewUser",
];

const CLUSTER_MONITOR: &[&str] = &[
    "checkFreeMonitoringStatus",
    "connPoolStats",
    "getClusterParameter",
    "getCmdLineOpts",
    "getDefaultRWConcern",
    "getLog",
    "getParameter",
    "getShardMap",
    "hostInfo",
    "inprog",
    "listDatabases",
    "listSessions",
    "listShards",
    "netstat",
    "operationMetrics",
    "queryStatsReadTransformed",
    "replSetGetConfig",
    "replSetGetStatus",
    "serverStatus",
    "setFreeMonitoring",
    "shardingState",
    "top",
];

const HOST_MANAGER: &[&str] = &[
    "applicationMessage",
    "auditLogRotate",
    "closeAllDatabases",
    "connPoolSync",
    "dropConnections",
    "flushRouterConfig",
    "fsync",
    "getClusterParameter",
    "invalidateUserCache",
    "killAnyCursor",
    "killAnySession",
    "killop",
    "logRotate",
    "resync",
    "rotateCertificates",
    "setClusterParameter",
    "setParameter",
    "shutdown",
    "touch",
    "unlock",
];

const CLUSTER_MANAGER: &[&str] = &[
    "addShard",
    "appendOplogNote",
    "applicationMessage",
    "cleanupOrphaned",
    "flushRouterConfig",
    "getClusterParameter",
    "getDefaultRWConcern",
    "listSessions",
    "listShards",
    "querySettings",
    "removeShard",
    "replSetConfigure",
    "replSetGetConfig",
    "replSetGetStatus",
    "replSetStateChange",
    "resync",
    "setClusterParameter",
    "setDefaultRWConcern",
    "setFeatureCompatibilityVersion",
    "setUserWriteBlockMode",
];

/// The privileges of a built-in role of a database; `None` when there is no such role.
pub(crate) fn privileges(role: &str, db: &str) -> Option<Privileges> {
    let mut granted = Privileges::default();
    match role {
        "read" => read(&mut granted, db),
        "readWrite" => read_write(&mut granted, db),
        "dbAdmin" => db_admin(&mut granted, db),
        "userAdmin" => user_admin(&mut granted, db),
        "dbOwner" => {
            read_write(&mut granted, db);
            db_admin(&mut granted, db);
            user_admin(&mut granted, db);
        }
        _ if db != "admin" => return None,
        "readAnyDatabase" => {
            read(&mut granted, "");
            granted.grant(Resource::Cluster, ["listDatabases"]);
        }
        "readWriteAnyDatabase" => {
            read_write(&mut granted, "");
            granted.grant(Resource::Cluster, ["listDatabases"]);
        }
        "dbAdminAnyDatabase" => {
            db_admin(&mut granted, "");
            granted.grant(Resource::Cluster, ["listDatabases", "applyOps"]);
        }
        "userAdminAnyDatabase" => user_admin_any(&mut granted),
        "clusterMonitor" => cluster_monitor(&mut granted),
        "hostManager" => host_manager(&mut granted),
        "clusterManager" => cluster_manager(&mut granted),
        "clusterAdmin" => cluster_admin(&mut granted),
        "backup" => backup(&mut granted),
        "restore" => restore(&mut granted),
        "enableSharding" => granted.grant(Resource::database(""), ["enableSharding", "shardCollection"]),
        "root" => {
            read_write(&mut granted, "");
            db_admin(&mut granted, "");
            user_admin_any(&mut granted);
            cluster_admin(&mut granted);
            backup(&mut granted);
            restore(&mut granted);
            granted
                .grant(Resource::Cluster, ["applyOps", "appendOplogNote", "queryStatsRead", "bypassDefaultMaxTimeMS"]);
            for coll in SYSTEM_COLLECTIONS {
                granted.grant(Resource::collection("", coll), ["validate", "collStats"]);
            }
        }
        "__system" => granted.grant(Resource::Any, ["anyAction"]),
        _ => return None,
    }
    Some(granted)
}

/// The names of the built-in roles of a database, as `rolesInfo` lists them.
pub(crate) fn names(db: &str) -> Vec<&'static str> {
    let mut names = vec!["dbAdmin", "dbOwner", "read", "readWrite", "userAdmin"];
    if db == "admin" {
        names.extend([
            "__system",
            "backup",
            "clusterAdmin",
            "clusterManager",
            "clusterMonitor",
            "dbAdminAnyDatabase",
            "enableSharding",
            "hostManager",
            "readAnyDatabase",
            "readWriteAnyDatabase",
            "restore",
            "root",
            "userAdminAnyDatabase",
        ]);
        names.sort_unstable();
    }
    names
}

/// System collections that privileges on a whole database leave out.
const SYSTEM_COLLECTIONS: [&str; 6] =
    ["system.js", "system.profile", "system.views", "system.users", "system.roles", "system.version"];

fn read(granted: &mut Privileges, db: &str) {
    granted.grant(Resource::database(db), READ.iter().copied());
    granted.grant(Resource::collection(db, "system.js"), READ.iter().copied());
}

fn read_write(granted: &mut Privileges, db: &str) {
    read(granted, db);
    granted.grant(Resource::database(db), WRITE.iter().copied());
    granted.grant(Resource::collection(db, "system.js"), WRITE.iter().copied());
}

fn db_admin(granted: &mut Privileges, db: &str) {
    granted.grant(Resource::database(db), DB_ADMIN.iter().copied());
    let profile = Resource::collection(db, "system.profile");
    granted.grant(profile.clone(), READ.iter().copied());
    granted.grant(profile, ["convertToCapped", "createCollection", "dropCollection"]);
    granted.grant(Resource::collection(db, "system.views"), ["find", "listCollections", "collStats", "validate"]);
}

fn user_admin(granted: &mut Privileges, db: &str) {
    granted.grant(Resource::database(db), USER_ADMIN.iter().copied());
}

fn user_admin_any(granted: &mut Privileges) {
    user_admin(granted, "");
    granted.grant(Resource::Cluster, ["listDatabases", "authSchemaUpgrade", "invalidateUserCache", "viewUser"]);
    for coll in ["system.users", "system.roles"] {
        let resource = Resource::collection("admin", coll);
        let actions = ["collStats", "dbHash", "dbStats", "find", "killCursors", "planCacheRead", "createIndex"];
        granted.grant(resource.clone(), actions);
        granted.grant(resource, ["dropIndex", "listIndexes"]);
    }
}

fn cluster_monitor(granted: &mut Privileges) {
    granted.grant(Resource::Cluster, CLUSTER_MONITOR.iter().copied());
    let monitored = ["collStats", "dbStats", "getDatabaseVersion", "getShardVersion", "indexStats"];
    granted.grant(Resource::database(""), monitored);
    granted.grant(Resource::collection("", "system.profile"), ["find"]);
    for db in ["config", "local"] {
        granted.grant(Resource::database(db), READ.iter().copied());
    }
}

fn host_manager(granted: &mut Privileges) {
    granted.grant(Resource::Cluster, HOST_MANAGER.iter().copied());
    granted.grant(Resource::database(""), ["killCursors"]);
}

fn cluster_manager(granted: &mut Privileges) {
    granted.grant(Resource::Cluster, CLUSTER_MANAGER.iter().copied());
    granted
        .grant(Resource::database(""), ["enableSharding", "moveChunk", "shardCollection", "splitChunk", "splitVector"]);
    for db in ["config", "local"] {
        read_write(granted, db);
    }
}

fn cluster_admin(granted: &mut Privileges) {
    cluster_manager(granted);
    cluster_monitor(granted);
    host_manager(granted);
    granted.grant(Resource::database(""), ["dropDatabase"]);
}

fn backup(granted: &mut Privileges) {
    let cluster = ["appendOplogNote", "getParameter", "getClusterParameter", "listDatabases", "serverStatus"];
    granted.grant(Resource::Cluster, cluster);
    let everywhere = ["collStats", "find", "listCollections", "listIndexes"];
    granted.grant(Resource::database(""), everywhere);
    for coll in SYSTEM_COLLECTIONS {
        granted.grant(Resource::collection("", coll), everywhere);
    }
    granted.grant(Resource::collection("config", "settings"), ["find", "insert", "update"]);
}

fn restore(granted: &mut Privileges) {
    granted.grant(Resource::Cluster, ["getParameter", "listDatabases"]);
    let everywhere = [
        "bypassDocumentValidation",
        "changeCustomData",
        "changePassword",
        "collMod",
        "convertToCapped",
        "createCollection",
        "createIndex",
        "createRole",
        "createUser",
        "dropCollection",
        "dropRole",
        "dropUser",
        "grantRole",
        "insert",
        "listCollections",
        "revokeRole",
        "viewRole",
        "viewUser",
    ];
    granted.grant(Resource::database(""), everywhere);
    for coll in ["system.js", "system.views", "system.users", "system.roles", "system.version"] {
        granted.grant(Resource::collection("", coll), ["createCollection", "createIndex", "insert", "update", "find"]);
        granted.grant(Resource::collection("", coll), ["dropCollection", "remove", "collMod", "listIndexes"]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn built_in_roles_grant_known_actions() {
        for (db, count) in [("test", 5), ("admin", 18)] {
            let names = names(db);
            assert_eq!(names.len(), count);
            assert!(names.iter().all(|name| privileges(name, db).is_some()));
        }
        assert!(privileges("root", "test").is_none() && privileges("unknown", "admin").is_none());
        for actions in [READ, WRITE, DB_ADMIN, USER_ADMIN, CLUSTER_MONITOR, HOST_MANAGER, CLUSTER_MANAGER] {
            for action in actions {
                assert!(is_action(action), "{action}");
            }
        }
    }

    #[test]
    fn readers_do_not_write() {
        let read = privileges("read", "db").unwrap();
        let coll = Resource::collection("db", "c");
        assert!(read.allow(&coll, "find") && !read.allow(&coll, "insert"));
        assert!(!read.allow(&Resource::collection("other", "c"), "find"));
        let root = privileges("root", "admin").unwrap();
        assert!(root.allow(&coll, "insert") && root.allow(&Resource::Cluster, "shutdown"));
    }
}
