//! Options of `shap` for prompts of causal language models.

use super::value;
use clap::Args;
use pellucid::transformer::Precision;

/// Explaining an answer of a language model; --prompt switches it on.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Prompts")]
pub struct PromptArgs {
    /// Explain why a causal language model answers this prompt as it does. --model is a folder of Hugging Face or a GGUF file.
    #[arg(long, value_name = "TEXT", conflicts_with_all = ["data", "text", "text_column", "report", "show", "labels", "value"])]
    pub prompt: Option<String>,
    /// The answer to explain, in place of the model's own.
    #[arg(long, value_name = "TEXT", requires = "prompt", conflicts_with = "data")]
    pub answer: Option<String>,
    /// Tokens of the model's own answer at most.
    #[arg(long, value_name = "N", default_value_t = 16, requires = "prompt", conflicts_with = "answer", value_parser = value::at_least_1)]
    pub answer_tokens: usize,
    /// Let the model go on from the prompt as it is, without its chat template.
    #[arg(long, requires = "prompt", conflicts_with = "data")]
    pub raw: bool,
    /// Numbers to compute with: f32, f16 or bf16, where the device has them.
    #[arg(long, value_name = "f32|f16|bf16", default_value = "f32", requires = "reader", value_parser = precision)]
    pub precision: Precision,
}

fn precision(text: &str) -> Result<Precision, String> {
    text.parse().map_err(|error: pellucid::Error| error.to_string())
}
