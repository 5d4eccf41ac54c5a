//! `scaling`: what can be done with learning curves without training anything.

fn main() -> std::process::ExitCode {
    scaling_core::tool::main()
}
