//! Roles: `createRole`, `updateRole`, `dropRole`, `dropAllRolesFromDatabase`, `rolesInfo`, and giving and taking
//! privileges and roles.

use smongo_vm::Code;
use smongo_vm::value::{DocBuf, RawDoc, Value, View};

use super::Call;
use super::access::Needs;
use super::args::{self, Any, Array, arguments};
use super::reply::{self, Reply};
use super::table::Command;
use super::users::{principal, roles_argument, with_granted_roles};
use crate::auth::roles::{self, Role};
use crate::auth::{Principal, Privileges, Resource, builtin};
use crate::error::{Error, Result};
use crate::system_docs;

/// mongod's code for a role that exists already.
const ROLE_EXISTS: Code = Code(51_002);
/// `InvalidRoleModification`.
const INVALID_ROLE_MODIFICATION: Code = Code(80);

arguments! {
    /// Arguments of the commands that make and change roles.
    struct RoleArgs in "createRole" strict {
        "privileges" => privileges: Array<'d>,
        "roles" => roles: Array<'d>,
        "authenticationRestrictions" => restrictions: Any<'d>,
    }
}

fn bad(message: impl Into<String>) -> Error {
    Error::new(Code::BAD_VALUE, message)
}

/// The role, which somebody must have made.
fn require(call: &Call<'_, '_>, principal: &Principal) -> Result<Role> {
    if builtin::privileges(&principal.name, &principal.db).is_some() {
        let message = format!("{principal} is a built-in role and cannot be modified");
        return Err(Error::new(INVALID_ROLE_MODIFICATION, message));
    }
    let missing = || Error::new(Code::ROLE_NOT_FOUND, format!("Role '{principal}' not found"));
    Role::load(&call.commands.engine, principal)?.ok_or_else(missing)
}

fn save(call: &Call<'_, '_>, role: &Role) -> Result<()> {
    let (contained, _) = roles::resolve(&call.commands.engine, &role.roles)?;
    if contained.contains(&role.principal) {
        let message = format!("Granting the roles to {0} would introduce a cycle in the role graph", role.principal);
        return Err(Error::new(INVALID_ROLE_MODIFICATION, message));
    }
    role.save(&call.commands.engine)?;
    call.commands.access.changed();
    Ok(())
}

/// Fails when a role of another database than `admin` would reach beyond its own.
fn check_reach(db: &str, privileges: &Privileges, roles: &[Principal]) -> Result<()> {
    if db == "admin" {
        return Ok(());
    }
    if !privileges.only_on(db) {
        let message = format!(
            "Roles on the '{db}' database cannot be granted privileges that target other databases or the cluster"
        );
        return Err(Error::new(INVALID_ROLE_MODIFICATION, message));
    }
    match roles.iter().find(|role| role.db != db) {
        None => Ok(()),
        Some(role) => {
            let message = format!("Roles on the '{db}' database cannot be granted roles from other databases: {role}");
            Err(Error::new(INVALID_ROLE_MODIFICATION, message))
        }
    }
}

pub(super) static CREATE_ROLE: Command =
    Command::new("createRole", create_role, "makes a role").writes().needs(Needs::Computed(|target| {
        let mut required = with_granted_roles(target, "createRole");
        required.push((Resource::database(target.db), "grantRole"));
        required
    }));

fn create_role(call: &mut Call<'_, '_>, _reply: &mut Reply<'_>) -> Result<()> {
    let principal = principal(call)?;
    let args: RoleArgs<'_> = args::of_command(&call.request)?;
    let Array(privileges) = args::require(args.privileges, "createRole", "privileges")?;
    let granted = args::require(args.roles, "createRole", "roles")?;
    if principal.name.is_empty() {
        return Err(bad("Role name must be non-empty"));
    }
    if builtin::privileges(&principal.name, &principal.db).is_some() {
        return Err(bad("Cannot create roles with the same name as a built-in role"));
    }
    if Role::load(&call.commands.engine, &principal)?.is_some() {
        return Err(Error::new(ROLE_EXISTS, format!("Role \"{principal}\" already exists")));
    }
    let role = Role { privileges: Privileges::parse(privileges)?, roles: roles_argument(call, granted)?, principal };
    check_reach(call.db, &role.privileges, &role.roles)?;
    save(call, &role)
}

pub(super) static UPDATE_ROLE: Command =
    Command::new("updateRole", update_role, "changes a role").writes().needs(Needs::Computed(|target| {
        let mut required = with_granted_roles(target, "grantRole");
        required.push((Resource::database(target.db), "revokeRole"));
        required
    }));

fn update_role(call: &mut Call<'_, '_>, _reply: &mut Reply<'_>) -> Result<()> {
    let principal = principal(call)?;
    let args: RoleArgs<'_> = args::of_command(&call.request)?;
    if args.privileges.is_none() && args.roles.is_none() && args.restrictions.is_none() {
        return Err(bad("updateRole requires at least one field to update"));
    }
    let mut role = require(call, &principal)?;
    if let Some(Array(privileges)) = args.privileges {
        role.privileges = Privileges::parse(privileges)?;
    }
    if let Some(granted) = args.roles {
        role.roles = roles_argument(call, granted)?;
    }
    check_reach(call.db, &role.privileges, &role.roles)?;
    save(call, &role)
}

pub(super) static DROP_ROLE: Command =
    Command::new("dropRole", drop_role, "removes a role").writes().needs(Needs::OnDatabase(&["dropRole"]));

fn drop_role(call: &mut Call<'_, '_>, _reply: &mut Reply<'_>) -> Result<()> {
    let principal = principal(call)?;
    args::none(&call.request, "dropRole")?;
    require(call, &principal)?;
    remove(call, &principal)?;
    call.commands.access.changed();
    Ok(())
}

/// Removes a role from those who have it, then the role itself: in this order no one is left with half of it.
fn remove(call: &Call<'_, '_>, principal: &Principal) -> Result<()> {
    let engine = &call.commands.engine;
    roles::remove_everywhere(engine, principal)?;
    system_docs::remove(engine, &roles::namespace(), &system_docs::by_id(&principal.id()))?;
    Ok(())
}

pub(super) static DROP_ALL_ROLES: Command =
    Command::new("dropAllRolesFromDatabase", drop_all_roles, "removes all roles of a database")
        .writes()
        .needs(Needs::OnDatabase(&["dropRole"]));

fn drop_all_roles(call: &mut Call<'_, '_>, reply: &mut Reply<'_>) -> Result<()> {
    args::none(&call.request, "dropAllRolesFromDatabase")?;
    let found = Role::of_database(&call.commands.engine, call.db)?;
    found.iter().try_for_each(|role| remove(call, &role.principal))?;
    call.commands.access.changed();
    reply.value("n", reply::count(found.len() as u64));
    Ok(())
}

pub(super) static GRANT_PRIVILEGES: Command =
    Command::new("grantPrivilegesToRole", grant_privileges, "gives privileges to a role")
        .writes()
        .needs(Needs::OnDatabase(&["grantRole"]));

fn grant_privileges(call: &mut Call<'_, '_>, _reply: &mut Reply<'_>) -> Result<()> {
    change(call, "privileges", |role, args| {
        let Array(privileges) = args::require(args.privileges, "grantPrivilegesToRole", "privileges")?;
        role.privileges.extend(&Privileges::parse(privileges)?);
        Ok(privileges.is_empty())
    })
}

pub(super) static REVOKE_PRIVILEGES: Command =
    Command::new("revokePrivilegesFromRole", revoke_privileges, "takes privileges away from a role")
        .writes()
        .needs(Needs::OnDatabase(&["revokeRole"]));

fn revoke_privileges(call: &mut Call<'_, '_>, _reply: &mut Reply<'_>) -> Result<()> {
    change(call, "privileges", |role, args| {
        let Array(privileges) = args::require(args.privileges, "revokePrivilegesFromRole", "privileges")?;
        role.privileges.revoke(&Privileges::parse(privileges)?);
        Ok(privileges.is_empty())
    })
}

pub(super) static GRANT_ROLES_TO_ROLE: Command =
    Command::new("grantRolesToRole", grant_roles_to_role, "has a role contain others")
        .writes()
        .needs(Needs::Computed(|target| with_granted_roles(target, "grantRole")));

fn grant_roles_to_role(call: &mut Call<'_, '_>, _reply: &mut Reply<'_>) -> Result<()> {
    let given = given_roles(call)?;
    change(call, "roles", |role, _| {
        role.roles.extend(given.iter().filter(|given| !role.roles.contains(given)).cloned().collect::<Vec<_>>());
        Ok(given.is_empty())
    })
}

pub(super) static REVOKE_ROLES_FROM_ROLE: Command =
    Command::new("revokeRolesFromRole", revoke_roles_from_role, "has a role contain others no more")
        .writes()
        .needs(Needs::OnDatabase(&["revokeRole"]));

fn revoke_roles_from_role(call: &mut Call<'_, '_>, _reply: &mut Reply<'_>) -> Result<()> {
    let given = given_roles(call)?;
    change(call, "roles", |role, _| {
        role.roles.retain(|role| !given.contains(role));
        Ok(given.is_empty())
    })
}

fn given_roles(call: &Call<'_, '_>) -> Result<Vec<Principal>> {
    let args: RoleArgs<'_> = args::of_command(&call.request)?;
    roles_argument(call, args::require(args.roles, call.command.name, "roles")?)
}

/// Changes a role. `change` tells whether the argument that it read was empty, which is an error.
fn change(
    call: &Call<'_, '_>,
    argument: &str,
    change: impl FnOnce(&mut Role, &RoleArgs<'_>) -> Result<bool>,
) -> Result<()> {
    let principal = principal(call)?;
    let args: RoleArgs<'_> = args::of_command(&call.request)?;
    let mut role = require(call, &principal)?;
    if change(&mut role, &args)? {
        return Err(bad(format!("{} command requires a non-empty \"{argument}\" array", call.command.name)));
    }
    check_reach(call.db, &role.privileges, &role.roles)?;
    save(call, &role)
}

pub(super) static ROLES_INFO: Command =
    Command::new("rolesInfo", roles_info, "describes roles").needs(Needs::OnDatabase(&["viewRole"]));

arguments! {
    /// Arguments of `rolesInfo`.
    struct RolesInfoArgs in "rolesInfo" strict {
        "showPrivileges" => show_privileges: Any<'d>,
        "showBuiltinRoles" => show_builtin: bool,
        "showAuthenticationRestrictions" => show_restrictions: bool,
    }
}

fn roles_info(call: &mut Call<'_, '_>, reply: &mut Reply<'_>) -> Result<()> {
    let args: RolesInfoArgs<'_> = args::of_command(&call.request)?;
    let engine = &call.commands.engine;
    let mut wanted = Vec::new();
    match call.first.view() {
        View::Array(list) => wanted = roles::parse_list(list, call.db)?,
        _ if call.first.tag().is_number() && args::is_truthy(call.first) => {
            wanted.extend(Role::of_database(engine, call.db)?.into_iter().map(|role| role.principal));
            if args.show_builtin == Some(true) {
                wanted.extend(builtin::names(call.db).into_iter().map(|name| Principal::new(name, call.db)));
            }
        }
        _ => {
            let one = DocBuf::build(|doc| doc.array("roles", |array| array.value(call.first)));
            let one = one.get("roles").and_then(|one| one.as_array()).unwrap_or(RawDoc::EMPTY);
            wanted = roles::parse_list(one, call.db)?;
        }
    }
    let shows = args.show_privileges.is_some_and(|Any(show)| args::is_truthy(show));
    let mut described = Vec::new();
    for principal in wanted {
        let built_in = builtin::privileges(&principal.name, &principal.db);
        let is_builtin = built_in.is_some();
        let role = match built_in {
            Some(privileges) => Role { principal, privileges, roles: Vec::new() },
            None => match Role::load(engine, &principal)? {
                Some(role) => role,
                None => continue,
            },
        };
        let (inherited, privileges) = roles::resolve(engine, std::slice::from_ref(&role.principal))?;
        described.push((role, is_builtin, inherited, privileges));
    }
    reply.array("roles", |array| {
        for (role, is_builtin, inherited, privileges) in &described {
            array.document(|doc| {
                doc.string("_id", &role.principal.id());
                doc.string("role", &role.principal.name);
                doc.string("db", &role.principal.db);
                if shows {
                    role.privileges.write(doc, "privileges");
                }
                roles::write_list(doc, "roles", &role.roles);
                roles::write_list(doc, "inheritedRoles", inherited.iter().filter(|other| **other != role.principal));
                if shows {
                    privileges.write(doc, "inheritedPrivileges");
                }
                doc.value("isBuiltin", Value::bool(*is_builtin));
            });
        }
    });
    Ok(())
}
