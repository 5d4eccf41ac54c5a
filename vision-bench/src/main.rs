//! Learning curves of residual networks on images (Hestness et al. 2017, section 4.1).

// Until the recipe is wired up.
#![allow(dead_code, unused_imports)]

mod augment;
mod images;
mod synthetic;

fn main() {}
