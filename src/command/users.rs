//! Users: `createUser`, `updateUser`, `dropUser`, `dropAllUsersFromDatabase`, `usersInfo`, `grantRolesToUser`,
//! `revokeRolesFromUser`, `invalidateUserCache`.

use smongo_vm::Code;
use smongo_vm::value::{ArrayWriter, DocBuf, RawDoc, Value, View};

use super::Call;
use super::access::{Needs, Target};
use super::args::{self, Array, arguments, wrong_type};
use super::reply::{self, Reply};
use super::table::Command;
use crate::auth::scram::{Credential, Mechanism};
use crate::auth::users::{self, User};
use crate::auth::{Principal, Resource, roles};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::request::EXTERNAL_DB;
use crate::system_docs;

/// mongod's code for a user that exists already.
const USER_EXISTS: Code = Code(51_003);

arguments! {
    /// Arguments of `createUser` and `updateUser`.
    struct UserArgs in "createUser" strict {
        "pwd" => password: &'d str,
        "customData" => custom_data: &'d RawDoc,
        "roles" => roles: Array<'d>,
        "digestPassword" => digest_password: bool,
        "authenticationRestrictions" => restrictions: Array<'d>,
        "mechanisms" => mechanisms: Array<'d>,
    }
}

/// The user or role that a command's first argument names.
pub(super) fn principal(call: &Call<'_, '_>) -> Result<Principal> {
    let name = call.command.name;
    match call.first.view() {
        View::Null | View::Undefined => Err(args::missing_field(name, name)),
        _ => match call.first.as_str() {
            Some(principal) => Ok(Principal::new(principal, call.db)),
            None => Err(wrong_type(name, name, call.first.tag(), &["string"])),
        },
    }
}

fn bad(message: impl Into<String>) -> Error {
    Error::new(Code::BAD_VALUE, message)
}

/// The roles that an argument lists; each must exist.
pub(super) fn roles_argument(call: &Call<'_, '_>, Array(list): Array<'_>) -> Result<Vec<Principal>> {
    let list = roles::parse_list(list, call.db)?;
    list.iter().try_for_each(|role| roles::check_exists(&call.commands.engine, role))?;
    Ok(list)
}

/// The credentials that a password gives.
fn credentials(principal: &Principal, args: &UserArgs<'_>, password: &str) -> Result<Vec<Credential>> {
    let digested = args.digest_password == Some(false);
    let mut mechanisms = Vec::new();
    match args.mechanisms {
        None if digested => mechanisms.push(Mechanism::Sha1),
        None => mechanisms.extend(Mechanism::ALL),
        Some(Array(list)) => {
            for value in list.values() {
                let name = value.as_str().unwrap_or_default();
                let mechanism =
                    Mechanism::from_name(name).ok_or_else(|| bad(format!("Unknown auth mechanism '{name}'")))?;
                mechanisms.push(mechanism);
            }
            if mechanisms.is_empty() {
                return Err(bad("mechanisms field must not be empty"));
            }
        }
    }
    if password.is_empty() {
        return Err(Error::new(EMPTY_PASSWORD, "Password cannot be empty"));
    }
    let derive = |mechanism| match mechanism {
        Mechanism::Sha256 if digested => Err(bad("Use of SCRAM-SHA-256 requires undigested passwords")),
        Mechanism::Sha1 if digested => Ok(Credential::from_digest(password)),
        mechanism => Credential::derive(mechanism, &principal.name, password)
            .ok_or_else(|| bad("Error preflighting UTF-8 password with SASLprep")),
    };
    mechanisms.into_iter().map(derive).collect()
}

/// mongod's code for an empty password.
const EMPTY_PASSWORD: Code = Code(50_687);

pub(super) static CREATE_USER: Command = Command::new("createUser", create_user, "makes a user")
    .writes()
    .needs(Needs::Computed(|target| with_granted_roles(target, "createUser")));

/// What giving roles needs, beside `action` on the database at hand.
pub(super) fn with_granted_roles(target: &Target<'_>, action: &'static str) -> Vec<(Resource, &'static str)> {
    let mut required = vec![(Resource::database(target.db), action)];
    let list = target.body.get("roles").and_then(|roles| roles.as_array()).unwrap_or(RawDoc::EMPTY);
    // What is no list of roles is refused later.
    for role in roles::parse_list(list, target.db).unwrap_or_default() {
        required.push((Resource::database(&role.db), "grantRole"));
    }
    required
}

fn create_user(call: &mut Call<'_, '_>, _reply: &mut Reply<'_>) -> Result<()> {
    let principal = principal(call)?;
    let args: UserArgs<'_> = args::of_command(&call.request)?;
    let granted = args::require(args.roles, "createUser", "roles")?;
    if principal.name.is_empty() {
        return Err(bad("User document needs 'user' field to be non-empty"));
    }
    let credentials = match args.password {
        Some(_) if principal.db == EXTERNAL_DB => {
            return Err(bad("Cannot set the password for users defined on the '$external' database"));
        }
        Some(password) => credentials(&principal, &args, password)?,
        None if principal.db == EXTERNAL_DB => Vec::new(),
        None => {
            let message = "Must provide a 'pwd' field for all user documents, except those with '$external' as the \
                           user's source db";
            return Err(bad(message));
        }
    };
    let engine = &call.commands.engine;
    let user = User {
        id: bson::Uuid::new().bytes(),
        credentials,
        roles: roles_argument(call, granted)?,
        custom_data: args.custom_data.map(DocBuf::from),
        restrictions: args.restrictions.map(|Array(list)| DocBuf::from(list)),
        principal,
    };
    if User::load(engine, &user.principal)?.is_some() {
        return Err(Error::new(USER_EXISTS, format!("User \"{}\" already exists", user.principal)));
    }
    user.save(engine)?;
    call.commands.access.changed();
    Ok(())
}

pub(super) static UPDATE_USER: Command =
    Command::new("updateUser", update_user, "changes a user").writes().needs(Needs::Computed(update_user_requirements));

/// Changing a password or custom data needs less than changing what a user may do.
fn update_user_requirements(target: &Target<'_>) -> Vec<(Resource, &'static str)> {
    let given = |name: &str| target.body.get(name).is_some();
    let mut required = Vec::new();
    for (argument, action) in [
        ("pwd", "changePassword"),
        ("customData", "changeCustomData"),
        ("authenticationRestrictions", "setAuthenticationRestriction"),
        ("mechanisms", "changePassword"),
    ] {
        if given(argument) {
            required.push((Resource::database(target.db), action));
        }
    }
    if given("roles") {
        required.push((Resource::database(""), "revokeRole"));
        required.extend(with_granted_roles(target, "grantRole"));
    }
    if required.is_empty() {
        required.push((Resource::database(target.db), "changePassword"));
    }
    required
}

fn update_user(call: &mut Call<'_, '_>, _reply: &mut Reply<'_>) -> Result<()> {
    let principal = principal(call)?;
    let args: UserArgs<'_> = args::of_command(&call.request)?;
    let nothing = args.password.is_none()
        && args.custom_data.is_none()
        && args.roles.is_none()
        && args.restrictions.is_none()
        && args.mechanisms.is_none();
    if nothing {
        return Err(bad("Must specify at least one field to update in updateUser"));
    }
    let mut user = User::require(&call.commands.engine, &principal)?;
    match (args.password, args.mechanisms) {
        (Some(password), _) => user.credentials = credentials(&principal, &args, password)?,
        (None, Some(Array(kept))) => {
            let kept: Vec<&str> = kept.values().filter_map(|name| name.as_str()).collect();
            let known = |name: &&str| user.credentials.iter().any(|credential| credential.mechanism.name() == *name);
            if kept.is_empty() || !kept.iter().all(known) {
                return Err(bad("mechanisms field must be a subset of previously set mechanisms"));
            }
            user.credentials.retain(|credential| kept.contains(&credential.mechanism.name()));
        }
        (None, None) => {}
    }
    if let Some(granted) = args.roles {
        user.roles = roles_argument(call, granted)?;
    }
    if let Some(data) = args.custom_data {
        user.custom_data = Some(data.into());
    }
    if let Some(Array(restrictions)) = args.restrictions {
        user.restrictions = Some(restrictions.into());
    }
    user.save(&call.commands.engine)?;
    call.commands.access.changed();
    Ok(())
}

pub(super) static DROP_USER: Command =
    Command::new("dropUser", drop_user, "removes a user").writes().needs(Needs::OnDatabase(&["dropUser"]));

fn drop_user(call: &mut Call<'_, '_>, _reply: &mut Reply<'_>) -> Result<()> {
    let principal = principal(call)?;
    args::none(&call.request, "dropUser")?;
    let filter = system_docs::by_id(&principal.id());
    if system_docs::remove(&call.commands.engine, &users::namespace(), &filter)? == 0 {
        return Err(Error::new(Code::USER_NOT_FOUND, format!("User '{principal}' not found")));
    }
    call.commands.access.changed();
    Ok(())
}

pub(super) static DROP_ALL_USERS: Command =
    Command::new("dropAllUsersFromDatabase", drop_all_users, "removes all users of a database")
        .writes()
        .needs(Needs::OnDatabase(&["dropUser"]));

fn drop_all_users(call: &mut Call<'_, '_>, reply: &mut Reply<'_>) -> Result<()> {
    args::none(&call.request, "dropAllUsersFromDatabase")?;
    let filter = DocBuf::build(|doc| doc.string("db", call.db));
    let count = system_docs::remove(&call.commands.engine, &users::namespace(), &filter)?;
    call.commands.access.changed();
    reply.value("n", reply::count(count));
    Ok(())
}

arguments! {
    /// Arguments of `grantRolesToUser` and `revokeRolesFromUser`.
    struct RolesArgs in "grantRolesToUser" strict {
        "roles" => roles: Array<'d>,
    }
}

pub(super) static GRANT_ROLES: Command = Command::new("grantRolesToUser", grant_roles, "gives roles to a user")
    .writes()
    .needs(Needs::Computed(|target| with_granted_roles(target, "grantRole")));

fn grant_roles(call: &mut Call<'_, '_>, _reply: &mut Reply<'_>) -> Result<()> {
    change_roles(call, |roles, given| {
        given.into_iter().for_each(|role| {
            if !roles.contains(&role) {
                roles.push(role);
            }
        })
    })
}

pub(super) static REVOKE_ROLES: Command =
    Command::new("revokeRolesFromUser", revoke_roles, "takes roles away from a user")
        .writes()
        .needs(Needs::OnDatabase(&["revokeRole"]));

fn revoke_roles(call: &mut Call<'_, '_>, _reply: &mut Reply<'_>) -> Result<()> {
    change_roles(call, |roles, given| roles.retain(|role| !given.contains(role)))
}

fn change_roles(call: &Call<'_, '_>, change: fn(&mut Vec<Principal>, Vec<Principal>)) -> Result<()> {
    let principal = principal(call)?;
    let name = call.command.name;
    let args: RolesArgs<'_> = args::of_command(&call.request)?;
    let given = args::require(args.roles, name, "roles")?;
    if given.0.is_empty() {
        return Err(bad(format!("{name} command requires a non-empty \"roles\" array")));
    }
    let mut user = User::require(&call.commands.engine, &principal)?;
    change(&mut user.roles, roles_argument(call, given)?);
    user.save(&call.commands.engine)?;
    call.commands.access.changed();
    Ok(())
}

pub(super) static USERS_INFO: Command =
    Command::new("usersInfo", users_info, "describes users").needs(Needs::Computed(|target| {
        match target.first.as_doc().and_then(|doc| doc.get("forAllDBs")) {
            Some(all) if args::is_truthy(all) => vec![(Resource::Cluster, "viewUser")],
            _ => vec![(Resource::database(target.db), "viewUser")],
        }
    }));

arguments! {
    /// Arguments of `usersInfo`.
    struct UsersInfoArgs in "usersInfo" strict {
        "showCredentials" => show_credentials: bool,
        "showCustomData" => show_custom_data: bool,
        "showPrivileges" => show_privileges: bool,
        "showAuthenticationRestrictions" => show_restrictions: bool,
        "filter" => filter: &'d RawDoc,
    }
}

fn users_info(call: &mut Call<'_, '_>, reply: &mut Reply<'_>) -> Result<()> {
    let args: UsersInfoArgs<'_> = args::of_command(&call.request)?;
    let engine = &call.commands.engine;
    let wanted = wanted_users(call.first, call.db)?;
    let filter = match args.filter {
        None => wanted,
        Some(filter) => DocBuf::build(|doc| {
            doc.array("$and", |both| {
                both.value(Value::document(&wanted));
                both.value(Value::document(filter));
            });
        }),
    };
    let mut found = Vec::new();
    for user in User::find(engine, &filter)? {
        let resolved =
            args.show_privileges.unwrap_or(false).then(|| roles::resolve(engine, &user.roles)).transpose()?;
        found.push((user, resolved));
    }
    reply.array("users", |array: &mut ArrayWriter<'_, Vec<u8>>| {
        for (user, resolved) in &found {
            array.document(|doc| {
                describe(doc, user, &args);
                if let Some((inherited, privileges)) = resolved {
                    roles::write_list(doc, "inheritedRoles", inherited);
                    privileges.write(doc, "inheritedPrivileges");
                    doc.array("inheritedAuthenticationRestrictions", |_| ());
                }
            });
        }
    });
    Ok(())
}

/// The filter for what `usersInfo` asks for: `1`, a name, `{user, db}`, an array of those, or `{forAllDBs: true}`.
fn wanted_users(first: Value<'_>, db: &str) -> Result<DocBuf> {
    let one = |value: Value<'_>| -> Option<String> {
        match (value.as_str(), value.as_doc()) {
            (Some(name), _) => Some(Principal::new(name, db).id()),
            (None, Some(doc)) => {
                let name = doc.get("user")?.as_str()?;
                Some(Principal::new(name, doc.get("db").map_or(Some(db), |db| db.as_str())?).id())
            }
            (None, None) => None,
        }
    };
    let malformed = || bad("usersInfo must be 1, a user's name, {user, db}, an array of those or {forAllDBs: true}");
    let ids = match first.view() {
        View::Array(list) => list.values().map(one).collect::<Option<Vec<_>>>().ok_or_else(malformed)?,
        View::Document(doc) if doc.get("forAllDBs").is_some() => return Ok(DocBuf::new()),
        _ if args::is_truthy(first) && first.tag().is_number() => {
            return Ok(DocBuf::build(|doc| doc.string("db", db)));
        }
        _ => vec![one(first).ok_or_else(malformed)?],
    };
    Ok(DocBuf::build(|doc| {
        doc.document("_id", |doc| doc.array("$in", |list| ids.iter().for_each(|id| list.value(Value::string(id)))));
    }))
}

fn describe(doc: &mut Reply<'_>, user: &User, args: &UsersInfoArgs<'_>) {
    doc.string("_id", &user.principal.id());
    doc.value("userId", Value::binary(4, &user.id));
    doc.string("user", &user.principal.name);
    doc.string("db", &user.principal.db);
    if args.show_credentials == Some(true) {
        user.write_credentials(doc);
    }
    if let Some(data) = user.custom_data.as_ref().filter(|_| args.show_custom_data != Some(false)) {
        doc.value("customData", Value::document(data));
    }
    roles::write_list(doc, "roles", &user.roles);
    if args.show_restrictions == Some(true) {
        let restrictions = user.restrictions.as_ref().map_or(RawDoc::EMPTY, |list| list);
        doc.value("authenticationRestrictions", Value::array(restrictions));
    }
    doc.array("mechanisms", |array| {
        let mechanisms = user.credentials.iter().map(|credential| credential.mechanism.name());
        mechanisms.for_each(|name| array.value(Value::string(name)));
    });
}

/// The mechanisms that a user, written `db.name`, can log in with; `None` when there is no such user.
pub(super) fn mechanisms_of(engine: &Engine, user: &str) -> Result<Option<Vec<&'static str>>> {
    let Some((db, name)) = user.split_once('.') else { return Ok(None) };
    let user = User::load(engine, &Principal::new(name, db))?;
    Ok(user.map(|user| user.credentials.iter().map(|credential| credential.mechanism.name()).collect()))
}

pub(super) static INVALIDATE_USER_CACHE: Command =
    Command::new("invalidateUserCache", invalidate_user_cache, "has rights read anew")
        .admin_only()
        .needs(Needs::OnCluster(&["invalidateUserCache"]));

fn invalidate_user_cache(call: &mut Call<'_, '_>, _reply: &mut Reply<'_>) -> Result<()> {
    args::none(&call.request, "invalidateUserCache")?;
    call.commands.access.changed();
    Ok(())
}
