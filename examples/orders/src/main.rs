//! The program: what is to be done, read from the command line.
fn main() {}
