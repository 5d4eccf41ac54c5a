//! Learning curves of residual networks on images (Hestness et al. 2017, section 4.1).

// Until the command line uses it.
#![allow(dead_code, unused_imports)]

mod images;

fn main() {}
