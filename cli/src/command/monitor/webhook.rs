//! `--webhook`: violations posted as JSON. The address may hold a secret, so that it is in no message and in no file.

use pellucid::{Error, Result};
use serde_json::Value;
use std::time::Duration;
use ureq::Agent;
use ureq::http::Uri;

/// All of the request and its answer.
const PATIENCE: Duration = Duration::from_secs(10);

pub struct Webhook(Uri);

impl Webhook {
    /// # Errors
    /// An address that is not one of http or https.
    pub fn new(url: &str) -> Result<Webhook> {
        let parsed: Option<Uri> = url.parse().ok();
        let http = |uri: &Uri| matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some();
        parsed.filter(http).map(Webhook).ok_or_else(|| {
            Error::input("`--webhook` is not an address of the web").hint("write it whole, beginning with https://")
        })
    }

    /// Why it did not arrive, in words that do not hold the address.
    pub fn post(&self, message: &Value) -> std::result::Result<(), String> {
        let agent: Agent = Agent::config_builder()
            .timeout_global(Some(PATIENCE))
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .build()
            .into();
        let request = agent.post(&self.0).header("content-type", "application/json");
        match request.send(message.to_string()) {
            Ok(answer) if answer.status().is_success() => Ok(()),
            Ok(answer) => Err(format!("it answered with status {}", answer.status().as_u16())),
            Err(error) => Err(reason(&error)),
        }
    }
}

fn reason(error: &ureq::Error) -> String {
    match error {
        ureq::Error::Timeout(_) => format!("no answer within {} s", PATIENCE.as_secs()),
        ureq::Error::HostNotFound => "its host is not known".into(),
        ureq::Error::Io(error) => format!("the connection failed ({:?})", error.kind()),
        ureq::Error::Protocol(_) => "its answer is not HTTP".into(),
        _ => "the request failed".into(),
    }
}

/// The command line without the address, which may be in it as typed or between quotes.
pub fn hidden(command: &str, url: Option<&str>) -> String {
    match url {
        Some(url) if !url.is_empty() => command.replace(url, "…").replace(&url.replace('\'', r"'\''"), "…"),
        _ => command.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_hidden_and_checked() {
        let secret = "https://hooks.example/it's?token=s3cret";
        let typed = r"pellucid monitor --webhook 'https://hooks.example/it'\''s?token=s3cret' --force";
        assert_eq!(hidden(typed, Some(secret)), "pellucid monitor --webhook '…' --force");
        for wrong in ["hooks.example/x", "ftp://h/s3cret", "", "https://", "file:///s3cret"] {
            let error = Webhook::new(wrong).err().unwrap();
            assert_eq!(error.to_string(), "`--webhook` is not an address of the web");
        }
    }
}
