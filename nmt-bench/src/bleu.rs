//! Corpus BLEU as sacreBLEU defines it.
