//! Learning curves of residual networks on images (Hestness et al. 2017, section 4.1).

mod images;

fn main() {}
