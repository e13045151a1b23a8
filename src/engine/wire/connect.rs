//! CONNECT: what the client says about itself, and its credentials.

use serde_json::Value;
use std::fmt::Write;

/// Credentials as CONNECT has them; none is sent that is `None`.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Credentials {
    /// `user`
    pub user: Option<String>,
    /// `pass`
    pub pass: Option<String>,
    /// `auth_token`
    pub auth_token: Option<String>,
    /// `jwt`: the user's JWT.
    pub jwt: Option<String>,
    /// `nkey`: public key of the user.
    pub nkey: Option<String>,
    /// `sig`: the nonce of the server's INFO, signed; base64url without padding.
    pub sig: Option<String>,
}

impl Credentials {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        *self == Credentials::default()
    }
}

// Hand-written so that no secret can reach a log through `{:?}`.
impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.is_empty() { "Credentials(none)" } else { "Credentials(***)" })
    }
}

/// The fields of CONNECT.
#[derive(Clone, Debug)]
pub struct Connect<'a> {
    /// Whether to ask for `+OK` after each operation.
    pub verbose: bool,
    /// Whether to ask for strict checks of subjects.
    pub pedantic: bool,
    /// Whether the connection is under TLS.
    pub tls_required: bool,
    /// Name of the client, possibly empty.
    pub name: &'a str,
    /// Whether the server sends us our own messages.
    pub echo: bool,
    /// Whether the server understands headers, and with them the answer that nobody listens.
    pub headers: bool,
    /// The credentials.
    pub credentials: &'a Credentials,
}

/// Writes CONNECT with its line end.
pub fn write(out: &mut Vec<u8>, connect: &Connect<'_>) {
    let mut json = String::from("{");
    let mut field = |name: &str, value: Value| {
        let comma = if json.len() > 1 { "," } else { "" };
        // Writing to a string cannot fail.
        let _ = write!(json, "{comma}\"{name}\":{value}");
    };
    field("verbose", connect.verbose.into());
    field("pedantic", connect.pedantic.into());
    field("tls_required", connect.tls_required.into());
    field("name", connect.name.into());
    field("lang", "Tcl".into());
    field("version", env!("CARGO_PKG_VERSION").into());
    // 1: later INFOs are understood.
    field("protocol", 1.into());
    field("echo", connect.echo.into());
    if connect.headers {
        field("headers", true.into());
        field("no_responders", true.into());
    }
    let c = connect.credentials;
    let secrets = [
        ("user", &c.user),
        ("pass", &c.pass),
        ("auth_token", &c.auth_token),
        ("jwt", &c.jwt),
        ("nkey", &c.nkey),
        ("sig", &c.sig),
    ];
    for (name, value) in secrets {
        if let Some(value) = value {
            field(name, value.as_str().into());
        }
    }
    json.push('}');
    out.extend_from_slice(b"CONNECT ");
    out.extend_from_slice(json.as_bytes());
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(headers: bool, credentials: &Credentials) -> String {
        let name = "a \"b\"\r\n";
        let connect = Connect { verbose: true, pedantic: false, tls_required: false, name, echo: true, headers, credentials };
        let mut out = Vec::new();
        write(&mut out, &connect);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn compact_and_in_order() {
        let credentials = Credentials { user: Some("u\r\n\"".into()), pass: Some("p".into()), ..Credentials::default() };
        let version = env!("CARGO_PKG_VERSION");
        let first = format!(
            "CONNECT {{\"verbose\":true,\"pedantic\":false,\"tls_required\":false,\"name\":\"a \\\"b\\\"\\r\\n\",\"lang\":\"Tcl\",\
             \"version\":\"{version}\",\"protocol\":1,\"echo\":true"
        );
        let headers = ",\"headers\":true,\"no_responders\":true";
        let secrets = ",\"user\":\"u\\r\\n\\\"\",\"pass\":\"p\"";
        assert_eq!(text(true, &credentials), format!("{first}{headers}{secrets}}}\r\n"));
        assert_eq!(text(false, &Credentials::default()), format!("{first}}}\r\n"));
        assert_eq!(format!("{credentials:?}"), "Credentials(***)");
    }
}
