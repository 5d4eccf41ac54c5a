//! The command line as a person would type it again.

/// That of this process, by the name of its package.
pub(super) fn of_this_process(name: &str) -> String {
    let arguments = std::env::args_os().skip(1);
    let words: Vec<String> = arguments.map(|argument| quoted(&argument.to_string_lossy())).collect();
    format!("cargo run --release -p {name} -- {}", words.join(" ")).trim_end().to_owned()
}

/// An argument as a shell takes it for one word and leaves it as it is.
fn quoted(argument: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "_-+./,:=%@".contains(c);
    if !argument.is_empty() && argument.chars().all(is_plain) {
        argument.to_owned()
    } else {
        format!("'{}'", argument.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn what_a_shell_would_change_is_quoted() {
        for plain in ["study", "--set", "shards=1e3,2_000", "/data/Übung-1.5", "tch:cuda:0"] {
            assert_eq!(quoted(plain), plain);
        }
        for (argument, word) in
            [("my data", "'my data'"), ("", "''"), ("a*", "'a*'"), ("~/x", "'~/x'"), ("it's", r"'it'\''s'")]
        {
            assert_eq!(quoted(argument), word);
        }
    }
}
