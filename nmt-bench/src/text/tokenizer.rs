//! From text to sub-word ids and back.

use super::moses::entities::unescape;
use super::moses::{self, Language};
use crate::pairs::Specials;
use scaling_core::error::{At, Error, Result};
use scaling_core::files::write_atomic;
use std::collections::BTreeSet;
use std::path::Path;
use tokenizers::decoders::bpe::BPEDecoder;
use tokenizers::models::ModelWrapper;
use tokenizers::models::bpe::{BPE, BpeTrainer};
use tokenizers::models::wordlevel::WordLevel;
use tokenizers::pre_tokenizers::whitespace::WhitespaceSplit;
use tokenizers::{AddedToken, Model};

/// Ends the last sub-word of a word.
const END_OF_WORD: &str = "</w>";

/// What stands for everything that is not among the symbols; no word has a space, so none is its equal.
const UNKNOWN: &str = "<unknown token>";

/// As `learn_bpe` of subword-nmt: a pair that occurs once is no pattern.
const LEAST_FREQUENCY: u64 = 2;

/// Moses tokenisation and a shared byte-pair encoding, or plain words of a fixed lexicon.
pub(crate) struct Tokenizer {
    tokenizer: tokenizers::Tokenizer,
    /// In the order of the ids.
    symbols: Vec<String>,
}

impl Tokenizer {
    /// Learns a byte-pair encoding (Sennrich et al. 2016): the characters of the words and, as far as the
    /// words go, `merges` longer symbols. `counts` are the words without escapes, and how often each occurs.
    ///
    /// # Errors
    /// More symbols than fit 16 bits.
    pub(crate) fn learn<'a>(
        counts: impl IntoIterator<Item = (&'a str, u64)> + Clone,
        merges: usize,
    ) -> Result<Self> {
        let characters = alphabet(counts.clone().into_iter().map(|(word, _)| word));
        let symbols = characters.len() + merges;
        if symbols > Specials::MOST_SYMBOLS {
            return Err(Error::input(format!(
                "{} characters and {merges} merges make more than {} symbols; use at most {} merges",
                characters.len(),
                Specials::MOST_SYMBOLS,
                Specials::MOST_SYMBOLS.saturating_sub(characters.len())
            )));
        }
        // Given first, the characters have the ids of their order whatever the order of the words.
        let first = characters.into_iter().map(|symbol| AddedToken::from(symbol, true)).collect();
        let trainer = BpeTrainer::builder()
            .show_progress(false)
            .min_frequency(LEAST_FREQUENCY)
            .vocab_size(symbols)
            .special_tokens(first)
            .end_of_word_suffix(END_OF_WORD.to_owned())
            .build();
        let mut model = BPE::default();
        let counts = counts.into_iter().map(|(word, count)| (word.into(), count)).collect();
        trainer.do_train(&counts, &mut model).map_err(|error| learning(&*error))?;
        Self::of_bpe(&model).map_err(|error| learning(&*error))
    }

    /// A tokenizer of a model that has just been learned. The unknown token gets the id after the symbols,
    /// which the trainer cannot do: its own come first.
    fn of_bpe(model: &BPE) -> tokenizers::Result<Self> {
        let mut fields = serde_json::to_value(model)?;
        fields["vocab"][UNKNOWN] = model.get_vocab_size().into();
        fields["unk_token"] = UNKNOWN.into();
        let mut tokenizer = tokenizers::Tokenizer::new(serde_json::from_str::<BPE>(&fields.to_string())?);
        tokenizer.with_pre_tokenizer(Some(WhitespaceSplit));
        tokenizer.with_decoder(Some(BPEDecoder::new(END_OF_WORD.to_owned())));
        Self::of(tokenizer).ok_or_else(|| "the trainer left gaps between the ids".into())
    }

    /// Words without spaces, with the ids of their places in `lexicon`: for synthetic languages.
    ///
    /// # Errors
    /// A word that occurs twice, or more words than fit 16 bits.
    pub(crate) fn words(lexicon: &[String]) -> Result<Self> {
        let ids = lexicon.iter().cloned().chain([UNKNOWN.to_owned()]).zip(0..).collect();
        let model = WordLevel::builder().vocab(ids).unk_token(UNKNOWN.to_owned()).build();
        let mut tokenizer = tokenizers::Tokenizer::new(model.map_err(|error| learning(&*error))?);
        tokenizer.with_pre_tokenizer(Some(WhitespaceSplit));
        Self::of(tokenizer).ok_or_else(|| Error::input("the lexicon is too large or has a word twice"))
    }

    /// Reads `tokenizer.json`.
    ///
    /// # Errors
    /// A file that is no tokenizer.
    pub(crate) fn load(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).at("read", path)?;
        let tokenizer = tokenizers::Tokenizer::from_bytes(bytes).at("read", path)?;
        Self::of(tokenizer).ok_or_else(|| {
            let why = "its ids have gaps or do not fit; prepare the data again";
            Error::input(format!("{} is no tokenizer of nmt-bench: {why}", path.display()))
        })
    }

    /// The symbols of a tokenizer whose ids are without gaps, the unknown token the last.
    fn of(tokenizer: tokenizers::Tokenizer) -> Option<Self> {
        let ids = tokenizer.get_vocab(false);
        let count = ids.len().checked_sub(1)?;
        if count > Specials::MOST_SYMBOLS || ids.get(UNKNOWN).copied() != Some(count as u32) {
            return None;
        }
        let mut symbols = vec![String::new(); count + 1];
        for (symbol, id) in ids {
            *symbols.get_mut(id as usize)? = symbol;
        }
        symbols.truncate(count);
        let supported = matches!(tokenizer.get_model(), ModelWrapper::BPE(_) | ModelWrapper::WordLevel(_));
        let whole = supported && symbols.iter().all(|symbol| !symbol.is_empty());
        whole.then_some(Self { tokenizer, symbols })
    }

    /// Writes `tokenizer.json`; the same symbols always make the same file.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(crate) fn save(&self, path: &Path) -> Result<()> {
        write_atomic(path, self.text()?.as_bytes())
    }

    /// What [`Self::save`] writes.
    pub(super) fn text(&self) -> Result<String> {
        self.tokenizer.to_string(true).map_err(|error| learning(&*error))
    }

    /// The number of symbols, specials excluded.
    pub(crate) fn symbols(&self) -> usize {
        self.symbols.len()
    }

    /// The ids of a source sentence as people write it, or as Moses does: escapes are undone.
    pub(crate) fn encode(&self, sentence: &str) -> Vec<u16> {
        let mut tokens = String::new();
        let mut ids = Vec::new();
        if self.is_of_words() {
            tokens.push_str(sentence);
        } else {
            moses::tokenize(Language::German, &unescape(sentence), &mut tokens);
        }
        tokens.split_whitespace().for_each(|token| self.encode_token(token, &mut ids));
        ids
    }

    /// Adds the ids of one token without escapes; the model remembers the tokens of a thread.
    pub(super) fn encode_token(&self, token: &str, ids: &mut Vec<u16>) {
        let unknown = Specials::after(self.symbols()).unknown;
        match self.tokenizer.get_model().tokenize(token) {
            Ok(parts) => ids.extend(parts.iter().map(|part| part.id as u16)),
            Err(_) => ids.push(unknown),
        }
    }

    /// The sentence of target ids, as people write it: up to the end, if that is among them.
    pub(crate) fn decode(&self, ids: &[u16]) -> String {
        let specials = Specials::after(self.symbols());
        let is_of_words = self.is_of_words();
        let mut words: Vec<String> = Vec::new();
        let mut is_within = false;
        for id in ids.iter().take_while(|id| **id != specials.end) {
            let (part, ends) = match self.symbols.get(usize::from(*id)) {
                Some(symbol) if is_of_words => (symbol.as_str(), true),
                Some(symbol) => {
                    symbol.strip_suffix(END_OF_WORD).map_or((symbol.as_str(), false), |s| (s, true))
                }
                // Most unknown characters are signs that stand alone.
                None if *id == specials.unknown => ("<unk>", true),
                None => continue,
            };
            match words.last_mut() {
                Some(word) if is_within => word.push_str(part),
                _ => words.push(part.to_owned()),
            }
            is_within = !ends;
        }
        if is_of_words { words.join(" ") } else { moses::detokenize(words.iter().map(String::as_str)) }
    }

    fn is_of_words(&self) -> bool {
        matches!(self.tokenizer.get_model(), ModelWrapper::WordLevel(_))
    }
}

/// All characters of the words, each also as the end of a word where it is one, in the order of their codes.
fn alphabet<'a>(words: impl Iterator<Item = &'a str>) -> Vec<String> {
    let (mut within, mut last) = (BTreeSet::new(), BTreeSet::new());
    for word in words {
        within.extend(word.chars());
        last.extend(word.chars().last());
    }
    let ends = last.into_iter().map(|c| format!("{c}{END_OF_WORD}"));
    within.into_iter().map(String::from).chain(ends).collect()
}

fn learning(error: &(dyn std::error::Error + Send + Sync)) -> Error {
    Error::failed(format!("cannot learn a tokenizer: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts() -> Vec<(&'static str, u64)> {
        vec![("low", 5), ("lower", 2), ("newest", 6), ("widest", 3), (".", 9), ("isn", 2), ("'t", 2)]
    }

    #[test]
    fn the_merges_are_those_of_the_paper_of_sennrich() -> Result<()> {
        let first = [("low", 5), ("lower", 2), ("newest", 6), ("widest", 3)];
        let tokenizer = Tokenizer::learn(first, 4)?;
        let symbols = &tokenizer.symbols;
        assert_eq!(symbols[..4], ["d", "e", "i", "l"]);
        // The characters, those that end a word among them, and then: e s, es t, l o, lo w or est.
        let learned = &symbols[symbols.len() - 4..];
        assert_eq!(learned[..2], ["es", "est</w>"]);
        assert!(learned.contains(&"lo".to_owned()), "{learned:?}");
        Ok(())
    }

    #[test]
    fn sentences_come_back() -> Result<()> {
        let tokenizer = Tokenizer::learn(counts(), 12)?;
        let mut ids = Vec::new();
        for token in ["lowest", "isn", "'t", "newer", "."] {
            tokenizer.encode_token(token, &mut ids);
        }
        assert_eq!(tokenizer.decode(&ids), "lowest isn't newer.");
        let specials = Specials::after(tokenizer.symbols());
        ids.extend([specials.padding, specials.unknown, specials.end, 0]);
        assert_eq!(tokenizer.decode(&ids), "lowest isn't newer. <unk>");
        assert_eq!(tokenizer.encode("low low."), tokenizer.encode(" low\tlow ."));
        assert_eq!(tokenizer.encode("X")[0], specials.unknown);
        assert!(tokenizer.encode("").is_empty());
        assert_eq!(tokenizer.decode(&[]), "");
        Ok(())
    }

    #[test]
    fn a_file_holds_all_of_it_and_always_the_same() -> Result<()> {
        let root = tempfile::tempdir().at("write", Path::new("a temporary directory"))?;
        let path = root.path().join("tokenizer.json");
        let text = Tokenizer::learn(counts(), 12)?.text()?;
        for _ in 0..20 {
            let mut counts = counts();
            counts.reverse();
            let tokenizer = Tokenizer::learn(counts, 12)?;
            tokenizer.save(&path)?;
            assert_eq!(std::fs::read_to_string(&path).at("read", &path)?, text);
            let again = Tokenizer::load(&path)?;
            assert_eq!(again.symbols(), tokenizer.symbols());
            assert_eq!(again.encode("newest lowest Y"), tokenizer.encode("newest lowest Y"));
        }
        std::fs::write(&path, text.replace(UNKNOWN, "x")).at("write", &path)?;
        let message = Tokenizer::load(&path).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(message.contains("is no tokenizer of nmt-bench"), "{message}");
        Ok(())
    }

    #[test]
    fn words_of_a_lexicon_have_the_ids_of_their_places() -> Result<()> {
        let lexicon = ["b", "a", "c</w>"].map(str::to_owned);
        let tokenizer = Tokenizer::words(&lexicon)?;
        assert_eq!(tokenizer.symbols(), 3);
        assert_eq!(tokenizer.encode(" a b x c</w>"), [1, 0, 3, 2]);
        assert_eq!(tokenizer.decode(&[1, 0, 3, 2, 4]), "a b <unk> c</w>");
        assert!(Tokenizer::words(&["a", "a"].map(str::to_owned)).is_err());
        Ok(())
    }
}
