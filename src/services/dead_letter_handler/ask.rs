//! Asks whoever sits at the terminal.

use std::io::{BufRead, IsTerminal, Write};

/// What was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Yes,
    No,
    /// Nobody is there to be asked, which has been said.
    Nobody,
}

/// # Errors
/// When the terminal cannot be read or written.
pub fn ask(question: &str, for_a_program: bool, out: &mut impl Write) -> std::io::Result<Answer> {
    let stdin = std::io::stdin();
    if for_a_program || !stdin.is_terminal() {
        eprintln!("dead-letter-handler: nobody is there to be asked; add --yes");
        return Ok(Answer::Nobody);
    }
    write!(out, "{question} [y/N] ")?;
    out.flush()?;
    let mut answer = String::new();
    stdin.lock().read_line(&mut answer)?;
    Ok(if matches!(answer.trim(), "y" | "Y" | "yes") { Answer::Yes } else { Answer::No })
}
