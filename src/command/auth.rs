//! `logout` and `getnonce`: what is left to answer of authentication while there are no users.

use super::Call;
use super::args;
use super::reply::Reply;
use super::table::Command;
use crate::error::Result;

pub(super) static LOGOUT: Command = Command::new("logout", logout, "forgets who the client is").api_v1().without_auth();

fn logout(call: &mut Call<'_, '_>, _reply: &mut Reply<'_>) -> Result<()> {
    args::none(&call.request, "logout")
}

pub(super) static GETNONCE: Command =
    Command::new("getnonce", getnonce, "gives a random number to an older client").without_auth();

fn getnonce(_call: &mut Call<'_, '_>, reply: &mut Reply<'_>) -> Result<()> {
    let random = bson::Uuid::new().bytes();
    let nonce: String = random[8..].iter().map(|byte| format!("{byte:02x}")).collect();
    reply.string("nonce", &nonce);
    Ok(())
}
