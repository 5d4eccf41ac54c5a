//! Learning curves of German-English translation models (Hestness et al. 2017, sections 4.3 and C.1).

#![allow(dead_code)]

mod bleu;
mod pairs;
mod synthetic;
mod text;

fn main() {}
