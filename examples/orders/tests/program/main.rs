//! The program from outside: what it says (`words`), and what is left when it is killed (`kills`).

mod kills;
mod support;
mod words;
