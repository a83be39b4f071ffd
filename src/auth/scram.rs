//! SCRAM (RFC 5802, RFC 7677), the server's side: what is stored of a password, and the conversation that proves it.
//!
//! The password itself is never stored and never sent. Comparisons of secrets take the same time whatever they find.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, Mac};
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// Longest message of a client, in bytes.
const MAX_MESSAGE_BYTES: usize = 16 * 1024;

/// Bytes of the server's part of the nonce.
const NONCE_BYTES: usize = 24;

/// How passwords are proved.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Mechanism {
    Sha1,
    Sha256,
}

impl Mechanism {
    pub const ALL: [Mechanism; 2] = [Mechanism::Sha1, Mechanism::Sha256];

    pub fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "SCRAM-SHA-1",
            Self::Sha256 => "SCRAM-SHA-256",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mechanism| mechanism.name() == name)
    }

    /// How often the hash is iterated. MongoDB: `scramIterationCount`, `scramSHA256IterationCount`.
    fn iterations(self) -> u32 {
        match self {
            Self::Sha1 => 10_000,
            Self::Sha256 => 15_000,
        }
    }

    /// MongoDB leaves room for the four bytes that the hash's first round appends.
    fn salt_bytes(self) -> usize {
        match self {
            Self::Sha1 => 16,
            Self::Sha256 => 28,
        }
    }

    fn hash(self, data: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha1 => Sha1::digest(data).to_vec(),
            Self::Sha256 => Sha256::digest(data).to_vec(),
        }
    }

    fn hmac(self, key: &[u8], data: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha1 => hmac::<Hmac<Sha1>>(key, data),
            Self::Sha256 => hmac::<Hmac<Sha256>>(key, data),
        }
    }

    fn salted_password(self, password: &[u8], salt: &[u8], iterations: u32) -> Vec<u8> {
        match self {
            Self::Sha1 => pbkdf2::pbkdf2_hmac_array::<Sha1, 20>(password, salt, iterations).to_vec(),
            Self::Sha256 => pbkdf2::pbkdf2_hmac_array::<Sha256, 32>(password, salt, iterations).to_vec(),
        }
    }
}

fn hmac<M: Mac + hmac::digest::KeyInit>(key: &[u8], data: &[u8]) -> Vec<u8> {
    let mut mac = <M as Mac>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(data);
    mac.finalize().into_bytes().to_vec()
}

/// What is stored of a password for one mechanism.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Credential {
    pub mechanism: Mechanism,
    pub iterations: u32,
    /// Base64, as it goes over the wire.
    pub salt: String,
    pub stored_key: Vec<u8>,
    pub server_key: Vec<u8>,
}

impl Credential {
    /// The credential of a user's password. `None` when the password cannot be prepared (RFC 4013).
    pub fn derive(mechanism: Mechanism, user: &str, password: &str) -> Option<Self> {
        let salt = random_bytes(mechanism.salt_bytes());
        Self::with(mechanism, user, password, &salt, mechanism.iterations())
    }

    /// The credential of a password that the client has hashed for SCRAM-SHA-1 already.
    pub fn from_digest(digest: &str) -> Self {
        let mechanism = Mechanism::Sha1;
        Self::of_prepared(mechanism, digest.as_bytes(), &random_bytes(mechanism.salt_bytes()), mechanism.iterations())
    }

    fn with(mechanism: Mechanism, user: &str, password: &str, salt: &[u8], iterations: u32) -> Option<Self> {
        let prepared = match mechanism {
            Mechanism::Sha1 => hex(&Md5::digest(format!("{user}:mongo:{password}").as_bytes())),
            Mechanism::Sha256 => stringprep::saslprep(password).ok()?.into_owned(),
        };
        Some(Self::of_prepared(mechanism, prepared.as_bytes(), salt, iterations))
    }

    fn of_prepared(mechanism: Mechanism, password: &[u8], salt: &[u8], iterations: u32) -> Self {
        let salted = mechanism.salted_password(password, salt, iterations);
        let client_key = mechanism.hmac(&salted, b"Client Key");
        Self {
            mechanism,
            iterations,
            salt: BASE64.encode(salt),
            stored_key: mechanism.hash(&client_key),
            server_key: mechanism.hmac(&salted, b"Server Key"),
        }
    }

    /// A credential that no password fits, for users that do not exist: a client cannot tell them from others.
    fn unknown(mechanism: Mechanism, user: &str) -> Self {
        // The salt must be the same each time, as it is for users that exist.
        let salt = mechanism.hmac(unknown_user_secret(), user.as_bytes());
        Self {
            mechanism,
            iterations: mechanism.iterations(),
            salt: BASE64.encode(&salt[..mechanism.salt_bytes().min(salt.len())]),
            stored_key: random_bytes(salt.len()),
            server_key: random_bytes(salt.len()),
        }
    }
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credential").field("mechanism", &self.mechanism).finish_non_exhaustive()
    }
}

/// What a client's first message says.
#[derive(Debug)]
pub(crate) struct ClientFirst {
    pub user: String,
    bare: String,
    nonce: String,
}

impl ClientFirst {
    /// Reads `n,,n=user,r=nonce`.
    pub fn parse(payload: &[u8]) -> Option<Self> {
        if payload.len() > MAX_MESSAGE_BYTES {
            return None;
        }
        let text = std::str::from_utf8(payload).ok()?;
        // Channel binding is not offered, so a client may only say that it needs none.
        let rest = text.strip_prefix("n,").or_else(|| text.strip_prefix("y,"))?;
        let (authorization, bare) = rest.split_once(',')?;
        if !authorization.is_empty() && !authorization.starts_with("a=") {
            return None;
        }
        let mut parts = bare.split(',');
        let user = parts.next()?.strip_prefix("n=")?;
        let nonce = parts.next()?.strip_prefix("r=")?;
        if nonce.is_empty() || user.is_empty() {
            return None;
        }
        let user = user.replace("=2C", ",").replace("=3D", "=");
        Some(Self { user, bare: bare.to_owned(), nonce: nonce.to_owned() })
    }
}

/// A conversation after the client's first message.
#[derive(Debug)]
pub(crate) struct Conversation {
    credential: Credential,
    known: bool,
    nonce: String,
    /// What both sides sign, up to the client's last message.
    signed: String,
}

impl Conversation {
    /// Begins with the client's first message; gives the server's answer. `credential` is absent for unknown users.
    pub fn begin(mechanism: Mechanism, first: &ClientFirst, credential: Option<Credential>) -> (Self, String) {
        let known = credential.is_some();
        let credential = credential.unwrap_or_else(|| Credential::unknown(mechanism, &first.user));
        let nonce = format!("{}{}", first.nonce, BASE64.encode(random_bytes(NONCE_BYTES)));
        let answer = format!("r={nonce},s={},i={}", credential.salt, credential.iterations);
        let signed = format!("{},{answer}", first.bare);
        (Self { credential, known, nonce, signed }, answer)
    }

    /// Checks the client's proof; gives the server's own, or `None` when the client has not proved itself.
    pub fn finish(&self, payload: &[u8]) -> Option<String> {
        if payload.len() > MAX_MESSAGE_BYTES {
            return None;
        }
        let text = std::str::from_utf8(payload).ok()?;
        let (without_proof, proof) = text.rsplit_once(",p=")?;
        let mut parts = without_proof.split(',');
        let binding = BASE64.decode(parts.next()?.strip_prefix("c=")?).ok()?;
        if !matches!(binding.first(), Some(b'n' | b'y')) {
            return None;
        }
        let nonce = parts.next()?.strip_prefix("r=")?;
        let proof = BASE64.decode(proof).ok()?;
        let mechanism = self.credential.mechanism;
        let signed = format!("{},{without_proof}", self.signed);
        let signature = mechanism.hmac(&self.credential.stored_key, signed.as_bytes());
        if proof.len() != signature.len() {
            return None;
        }
        let client_key: Vec<u8> = proof.iter().zip(&signature).map(|(a, b)| a ^ b).collect();
        let proved = mechanism.hash(&client_key).ct_eq(&self.credential.stored_key)
            & nonce.as_bytes().ct_eq(self.nonce.as_bytes());
        (bool::from(proved) && self.known)
            .then(|| format!("v={}", BASE64.encode(mechanism.hmac(&self.credential.server_key, signed.as_bytes()))))
    }
}

fn unknown_user_secret() -> &'static [u8] {
    static SECRET: std::sync::OnceLock<Vec<u8>> = std::sync::OnceLock::new();
    SECRET.get_or_init(|| random_bytes(32))
}

/// Bytes that nobody can foretell.
pub(crate) fn random_bytes(count: usize) -> Vec<u8> {
    let mut bytes = vec![0; count];
    getrandom::fill(&mut bytes).expect("the operating system has a source of randomness");
    bytes
}

/// Bytes as lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A conversation with the nonces and salt of an example.
    fn example(mechanism: Mechanism, credential: Credential, nonce: (&str, &str), last: &str) -> Option<String> {
        let first = ClientFirst::parse(format!("n,,n=user,r={}", nonce.0).as_bytes()).unwrap();
        let (mut conversation, _) = Conversation::begin(mechanism, &first, Some(credential.clone()));
        conversation.nonce = format!("{}{}", nonce.0, nonce.1);
        conversation.signed =
            format!("{},r={},s={},i={}", first.bare, conversation.nonce, credential.salt, credential.iterations);
        conversation.finish(last.as_bytes())
    }

    // The drivers' authentication specification ("SCRAM-SHA-1", "SCRAM-SHA-256": step-by-step examples).
    #[test]
    fn examples_of_the_specification() {
        let salt = BASE64.decode("rQ9ZY3MntBeuP3E1TDVC4w==").unwrap();
        let credential = Credential::with(Mechanism::Sha1, "user", "pencil", &salt, 10_000).unwrap();
        let last = "c=biws,r=fyko+d2lbbFgONRv9qkxdawLHo+Vgk7qvUOKUwuWLIWg4l/9SraGMHEE,p=MC2T8BvbmWRckDw8oWl5IVghwCY=";
        let nonce = ("fyko+d2lbbFgONRv9qkxdawL", "Ho+Vgk7qvUOKUwuWLIWg4l/9SraGMHEE");
        let answer = example(Mechanism::Sha1, credential, nonce, last);
        assert_eq!(answer.as_deref(), Some("v=UMWeI25JD1yNYZRMpZ4VHvhZ9e0="));

        let salt = BASE64.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
        let credential = Credential::with(Mechanism::Sha256, "user", "pencil", &salt, 4096).unwrap();
        let last = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
        let nonce = ("rOprNGfwEbeRWgbNEkqO", "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0");
        let answer = example(Mechanism::Sha256, credential.clone(), nonce, last);
        assert_eq!(answer.as_deref(), Some("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="));

        let wrong = last.replace("dHzb", "dHzc");
        assert_eq!(example(Mechanism::Sha256, credential, nonce, &wrong), None);
    }

    #[test]
    fn unknown_users_look_like_others() {
        let first = ClientFirst::parse(b"n,,n=nobody,r=abc").unwrap();
        let (_, one) = Conversation::begin(Mechanism::Sha256, &first, None);
        let (conversation, two) = Conversation::begin(Mechanism::Sha256, &first, None);
        let salt = |answer: &str| answer.split(',').nth(1).unwrap().to_owned();
        assert_eq!(salt(&one), salt(&two));
        assert_eq!(conversation.finish(b"c=biws,r=abc,p=AAAA"), None);
    }

    #[test]
    fn malformed_messages() {
        for payload in ["", "n", "n,,", "n,,n=,r=x", "n,,n=u", "p=tls,,n=u,r=x", "n,x,n=u,r=x", "n,,r=x,n=u"] {
            assert!(ClientFirst::parse(payload.as_bytes()).is_none(), "{payload}");
        }
        let first = ClientFirst::parse(b"n,,n=a=2Cb=3Dc,r=x").unwrap();
        assert_eq!(first.user, "a,b=c");
    }
}
