//! Which credentials a server gets.

use super::config::Config;
use super::error::{Code, Problem};
use super::url::UrlAuth;
use async_nats::ConnectOptions;

/// Adds the first credentials that apply; true if there are any.
///
/// # Errors
/// `ErrAuthorization` if a file cannot be read or understood. No text holds a secret.
pub(super) fn apply(options: ConnectOptions, url: &UrlAuth, config: &Config) -> Result<(ConnectOptions, bool), Problem> {
    match url {
        UrlAuth::User(user, password) => {
            return Ok((options.user_and_password(user.clone(), password.clone()), true));
        }
        UrlAuth::Token(token) => return Ok((options.token(token.clone()), true)),
        UrlAuth::None => (),
    }
    if let Some(path) = &config.credentials {
        let shown = path.display();
        let text = std::fs::read_to_string(path).map_err(|e| refuse(format!("Cannot read credentials file {shown}: {e}")))?;
        let options = options.credentials(&text).map_err(|_| refuse(format!("{shown} is not a valid credentials file")))?;
        return Ok((options, true));
    }
    if let Some(seed) = &config.nkey_seed {
        let seed = match seed.strip_prefix("file:") {
            Some(path) => std::fs::read_to_string(path).map_err(|e| refuse(format!("Cannot read NKey seed file {path}: {e}")))?,
            None => seed.clone(),
        };
        return Ok((options.nkey(seed.trim().to_string()), true));
    }
    if let Some(user) = &config.user {
        let password = config.password.clone().unwrap_or_default();
        return Ok((options.user_and_password(user.clone(), password), true));
    }
    if let Some(token) = &config.token {
        return Ok((options.token(token.clone()), true));
    }
    Ok((options, false))
}

fn refuse(text: String) -> Problem {
    Problem::new(Code::Authorization, text)
}
