//! A prompt as a turn of a conversation, by the template that the model was trained with.

use super::weights::{Gguf, Meta};
use crate::{Error, Result};
use minijinja::value::ValueKind;
use minijinja::{Environment, ErrorKind, State, Value, context};
use std::ops::Range;
use std::path::Path;

/// A chat template, in the Jinja that Hugging Face uses.
#[derive(Debug, Clone)]
pub struct Chat {
    template: String,
    begin: String,
    end: String,
}

impl Chat {
    /// The template of a model: `chat_template.jinja` or `tokenizer_config.json` of a folder, or the metadata of a GGUF file. None if it has
    /// none.
    ///
    /// # Errors
    /// Files that cannot be read or are no JSON.
    pub fn of(path: &Path) -> Result<Option<Self>> {
        if path.is_dir() { of_folder(path) } else { of_gguf(path) }
    }

    /// The text that the model reads for a first message of a user, up to where its answer begins; and where the message stands in it,
    /// in bytes. `begins` says that the tokenizer itself begins every text with its token for that, which is then left out here.
    ///
    /// # Errors
    /// A template that fails or leaves the message out.
    pub fn wrap(&self, message: &str, begins: bool) -> Result<(String, Range<usize>)> {
        let failed = |error: minijinja::Error| {
            Error::input(format!("the model's chat template failed: {error:#}"))
                .hint("explain the prompt as it is, without `--chat`")
        };
        let mut jinja = Environment::new();
        jinja.set_trim_blocks(true);
        jinja.set_lstrip_blocks(true);
        jinja.set_unknown_method_callback(python_method);
        jinja.add_function("raise_exception", |why: String| -> Result<Value, minijinja::Error> {
            Err(minijinja::Error::new(ErrorKind::InvalidOperation, why))
        });
        jinja.add_template("chat", &self.template).map_err(failed)?;
        let text = jinja.get_template("chat").and_then(|template| {
            template.render(context! {
                messages => [context! { role => "user", content => message }],
                add_generation_prompt => true,
                bos_token => self.begin,
                eos_token => self.end,
            })
        });
        let text = text.map_err(failed)?;
        let text = if begins { text.strip_prefix(&self.begin).map(str::to_string).unwrap_or(text) } else { text };
        let message = message.trim();
        let at = text.rfind(message).filter(|_| !message.is_empty());
        let at = at.ok_or_else(|| Error::input("the prompt is empty, or the model's chat template changes it"))?;
        Ok((text, at..at + message.len()))
    }
}

/// The methods of Python's strings that templates use.
fn python_method(_: &State, value: &Value, method: &str, args: &[Value]) -> Result<Value, minijinja::Error> {
    let unknown = || minijinja::Error::new(ErrorKind::UnknownMethod, format!("`{method}` of a {}", value.kind()));
    let text = value.as_str().filter(|_| value.kind() == ValueKind::String).ok_or_else(unknown)?;
    let first = args.first().and_then(Value::as_str);
    Ok(match (method, first) {
        ("strip", None) => text.trim().into(),
        ("lstrip", None) => text.trim_start().into(),
        ("rstrip", None) => text.trim_end().into(),
        ("startswith", Some(part)) => text.starts_with(part).into(),
        ("endswith", Some(part)) => text.ends_with(part).into(),
        ("split", Some(by)) => text.split(by).map(str::to_string).collect::<Vec<_>>().into(),
        _ => return Err(unknown()),
    })
}

fn of_folder(folder: &Path) -> Result<Option<Chat>> {
    let load = |name: &str| match std::fs::read_to_string(folder.join(name)) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io("read", folder.join(name), error)),
    };
    let config: serde_json::Value = match load("tokenizer_config.json")? {
        Some(text) => serde_json::from_str(&text).map_err(|error| {
            Error::input(format!("{} is not JSON: {error}", folder.join("tokenizer_config.json").display()))
        })?,
        None => serde_json::Value::Null,
    };
    let token = |key: &str| config[key].as_str().or_else(|| config[key]["content"].as_str()).unwrap_or("").to_string();
    // Several templates are a list of names and templates.
    let named = config["chat_template"].as_array().and_then(|all| all.iter().find(|one| one["name"] == "default"));
    let inside = config["chat_template"].as_str().or_else(|| named.and_then(|one| one["template"].as_str()));
    let template = load("chat_template.jinja")?.or_else(|| inside.map(str::to_string));
    Ok(template.map(|template| Chat { template, begin: token("bos_token"), end: token("eos_token") }))
}

fn of_gguf(path: &Path) -> Result<Option<Chat>> {
    let file = Gguf::open(path)?;
    let Some(Meta::Text(template)) = file.metadata().get("tokenizer.chat_template") else { return Ok(None) };
    let token = |key: &str| match (file.metadata().get(key), file.metadata().get("tokenizer.ggml.tokens")) {
        (Some(Meta::Whole(id)), Some(Meta::List(tokens))) => match tokens.get(*id as usize) {
            Some(Meta::Text(token)) => token.clone(),
            _ => String::new(),
        },
        _ => String::new(),
    };
    let (begin, end) = (token("tokenizer.ggml.bos_token_id"), token("tokenizer.ggml.eos_token_id"));
    Ok(Some(Chat { template: template.clone(), begin, end }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chat(template: &str) -> Chat {
        Chat { template: template.into(), begin: "<s>".into(), end: "</s>".into() }
    }

    #[test]
    fn a_message_is_found_again_in_its_turn() {
        let template = "{{ bos_token }}{% for m in messages %}\n    {% if m['role'] == 'user' %}\n[INST] {{ m['content'].strip() }} \
                        [/INST]{% endif %}\n{% endfor %}\n";
        let (text, at) = chat(template).wrap(" Hi [INST] you ", false).unwrap();
        assert_eq!(text, "<s>[INST] Hi [INST] you [/INST]");
        assert_eq!(&text[at], "Hi [INST] you");
        assert_eq!(chat(template).wrap("Hi", true).unwrap(), ("[INST] Hi [/INST]".to_string(), 7..9));
    }

    #[test]
    fn templates_that_fail_say_why() {
        let why = |template: &str| chat(template).wrap("Hi", false).unwrap_err().to_string();
        assert!(why("{{ raise_exception('only system messages') }}").contains("only system messages"));
        assert!(why("{{ messages[0]['content'].title() }}").contains("title"));
        assert!(why("{% if %}").contains("failed"));
        assert!(why("nothing").contains("changes it"));
    }
}
