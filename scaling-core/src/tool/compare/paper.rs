//! What the paper found: Hestness et al. 2017, tables 2 and 3.

use serde::Serialize;

/// Exponents that the paper printed for a model.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct Paper {
    /// Exponent of the learning curve.
    pub(super) beta_g: f64,
    /// Exponent of the model-size law. Table 2 has one for every task; what the text says of single
    /// models is in their studies' reports.
    pub(super) beta_p: Option<f64>,
    /// Where the paper says so.
    pub(super) source: &'static str,
}

/// What must not be read into the two columns.
pub(super) const CAVEAT: &str = "The paper's exponents are of its own data sets (a billion words of news, WMT'16, 11,940 hours \
     of speech, ImageNet). Studies of small stand-in data sets are other measurements over other ranges: \
     a difference from the paper's figure does not contradict it, and agreement does not confirm it.";

/// One model of ours and what the paper says of it.
struct Entry {
    /// What the name of the model begins with.
    model: &'static str,
    /// Headline metric.
    metric: &'static str,
    /// A word of the variant, where the paper tells variants apart.
    variant: &'static str,
    paper: Paper,
}

/// The first entry that fits a row is the row's.
const ENTRIES: [Entry; 10] = [
    entry("word-lstm", "nats_per_word", "", -0.066, Some(0.68), "ICLR Tables 2 and 3"),
    entry("word-rhn", "nats_per_word", "", -0.070, Some(0.68), "ICLR Tables 2 and 3"),
    entry("char-rhn", "nats_per_character", "sgd", -0.0936, Some(0.89), "ICLR C.2, Table 2"),
    entry("char-rhn", "nats_per_character", "adam", -0.0954, Some(0.89), "ICLR C.2, Table 2"),
    entry("char-rhn", "nats_per_character", "", -0.094, Some(0.89), "ICLR Tables 2 and 3"),
    entry("nmt", "token_error", "", -0.128, Some(0.68), "ICLR Tables 2 and 3"),
    entry("ds2", "cer", "", -0.299, Some(0.54), "ICLR Tables 2 and 3"),
    entry("attention", "cer", "", -0.296, Some(0.54), "ICLR Tables 2 and 3"),
    entry("resnet", "top1_error", "", -0.309, Some(0.57), "ICLR Tables 2 and 3"),
    entry("resnet", "cross_entropy", "", -0.350, None, "ICLR Table 3"),
];

const fn entry(
    model: &'static str,
    metric: &'static str,
    variant: &'static str,
    beta_g: f64,
    beta_p: Option<f64>,
    source: &'static str,
) -> Entry {
    Entry { model, metric, variant, paper: Paper { beta_g, beta_p, source } }
}

/// What the paper says of a model in a metric, if it has it.
pub(super) fn find(model: &str, variant: &str, metric: &str) -> Option<Paper> {
    let fits = |entry: &&Entry| {
        model.starts_with(entry.model)
            && metric == entry.metric
            && (entry.variant.is_empty() || variant.split(", ").any(|word| word == entry.variant))
    };
    ENTRIES.iter().find(fits).map(|entry| entry.paper)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_find_their_figures() {
        let beta_g = |model, variant, metric| find(model, variant, metric).map(|paper| paper.beta_g);
        assert_eq!(beta_g("word-lstm2", "sgd", "nats_per_word"), Some(-0.066));
        assert_eq!(
            find("word-lstm4", "sgd", "nats_per_word").unwrap().beta_p,
            Some(0.68),
            "that of the task"
        );
        assert_eq!(beta_g("char-rhn10", "adam, dropout 0", "nats_per_character"), Some(-0.0954));
        assert_eq!(beta_g("char-rhn10", "nesterov", "nats_per_character"), Some(-0.094));
        assert_eq!(beta_g("resnet", "nesterov", "top1_error"), Some(-0.309));
        assert_eq!(beta_g("resnet18", "nesterov", "cross_entropy"), Some(-0.350));
        assert_eq!(beta_g("nmt", "adam, dropout 0.2", "token_error"), Some(-0.128));
        assert_eq!(beta_g("nmt", "adam", "bleu"), None);
        assert_eq!(beta_g("memorizer", "sgd", "error_rate"), None);
    }
}
