//! The credentials that a server gets.

use crate::engine::config::Config;
use crate::engine::error::{Code, Problem};
use crate::engine::url::UrlAuth;
use crate::engine::user_files;
use crate::engine::wire::connect::Credentials;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use nkeys::KeyPair;

/// Beginning of a seed that stands in a file.
const FILE: &str = "file:";

/// Whether files have to be read for it.
pub(super) fn reads_files(config: &Config) -> bool {
    config.credentials.is_some() || config.nkey_seed.as_ref().is_some_and(|seed| seed.starts_with(FILE))
}

/// The first credentials that apply. Files are read at each attempt: they may have been renewed.
///
/// # Errors
/// `ErrAuthorization` if a file cannot be read or understood. No text holds a secret.
pub(super) fn credentials(url: &UrlAuth, config: &Config, nonce: Option<&str>) -> Result<Credentials, Problem> {
    let none = Credentials::default();
    match url {
        UrlAuth::User(user, password) => {
            return Ok(Credentials { user: Some(user.clone()), pass: Some(password.clone()), ..none });
        }
        UrlAuth::Token(token) => return Ok(Credentials { auth_token: Some(token.clone()), ..none }),
        UrlAuth::None => (),
    }
    if let Some(path) = &config.credentials {
        let shown = path.display();
        let lines = user_files::lines(path).map_err(|e| refuse(format!("Cannot read credentials file {shown}: {e}")))?;
        let invalid = || refuse(format!("{shown} is not a valid credentials file"));
        // The first is the JWT and the second the seed, whatever their labels.
        let [jwt, seed, ..] = &blocks(&lines)[..] else { return Err(invalid()) };
        let pair = KeyPair::from_seed(seed).map_err(|_| invalid())?;
        return Ok(Credentials { jwt: Some(jwt.clone()), sig: sign(&pair, nonce)?, ..none });
    }
    if let Some(seed) = &config.nkey_seed {
        let lines = match seed.strip_prefix(FILE) {
            Some(path) => {
                user_files::lines(path.as_ref()).map_err(|e| refuse(format!("Cannot read NKey seed file {path}: {e}")))?
            }
            None => vec![seed.trim().to_string()],
        };
        // A file may have a label and comments around it, as that of other clients.
        let pair = lines.iter().find_map(|line| KeyPair::from_seed(line).ok());
        let pair = pair.ok_or_else(|| refuse("The NKey seed is not valid".to_string()))?;
        return Ok(Credentials { nkey: Some(pair.public_key()), sig: sign(&pair, nonce)?, ..none });
    }
    if let Some(user) = &config.user {
        return Ok(Credentials { user: Some(user.clone()), pass: Some(config.password.clone().unwrap_or_default()), ..none });
    }
    if let Some(token) = &config.token {
        return Ok(Credentials { auth_token: Some(token.clone()), ..none });
    }
    Ok(none)
}

/// What stands between lines of dashes that say BEGIN and END, one text for each such block.
fn blocks(lines: &[String]) -> Vec<String> {
    let (mut found, mut inside) = (Vec::new(), None);
    for line in lines {
        match &mut inside {
            _ if line.starts_with("---") && line.contains("BEGIN") => inside = Some(String::new()),
            Some(block) if line.starts_with("---") => {
                found.push(std::mem::take(block));
                inside = None;
            }
            Some(block) => block.push_str(line),
            None => (),
        }
    }
    found
}

/// Signs the challenge of the server, if there is one.
fn sign(pair: &KeyPair, nonce: Option<&str>) -> Result<Option<String>, Problem> {
    let Some(nonce) = nonce else { return Ok(None) };
    let signature = pair.sign(nonce.as_bytes()).map_err(|_| refuse("The key cannot sign the server's challenge".to_string()))?;
    Ok(Some(URL_SAFE_NO_PAD.encode(signature)))
}

fn refuse(text: String) -> Problem {
    Problem::new(Code::Authorization, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_of_a_credentials_file() {
        let text = "-----BEGIN NATS USER JWT-----\neyJ0.a-b_c.d\n------END NATS USER JWT------\n\nWARNING\n\n\
                    -----BEGIN USER NKEY SEED-----\nSUAX\n------END USER NKEY SEED------\n";
        let blocks = |text: &str| blocks(&text.lines().map(str::to_string).collect::<Vec<_>>());
        assert_eq!(blocks(text), ["eyJ0.a-b_c.d", "SUAX"]);
        assert!(blocks("").is_empty());
        assert!(blocks("-----BEGIN USER JWT-----\nx").is_empty());
    }

    #[test]
    fn the_url_comes_first() {
        let config = Config { user: Some("u".into()), token: Some("t".into()), ..Config::default() };
        let of = |url: &UrlAuth| credentials(url, &config, None).unwrap();
        assert_eq!(of(&UrlAuth::Token("x".into())).auth_token.as_deref(), Some("x"));
        assert_eq!(of(&UrlAuth::User("a".into(), "b".into())).user.as_deref(), Some("a"));
        assert_eq!(
            of(&UrlAuth::None),
            Credentials { user: Some("u".into()), pass: Some(String::new()), ..Credentials::default() }
        );
        assert!(credentials(&UrlAuth::None, &Config::default(), None).unwrap().is_empty());
    }
}
