//! `orders status --watch` on a terminal: keeps the screen fresh and listens to the keys. An API that does not answer is said on the screen
//! and asked again.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, sleep};

use super::error::Error;
use super::status_screen::{Drawn, PAGES, Screen};
use crate::contract::status::Status;
use crate::runtime::told_to_stop;

/// How long the listener to the keys sleeps at most: so soon it notices that nobody wants to know any more.
const LISTEN: Duration = Duration::from_millis(100);
/// How often the screen is drawn although nothing has happened: times on it go on.
const TICK: Duration = Duration::from_secs(1);

/// What one look brought.
pub type Looked = Result<Status, String>;

/// Shows the status until somebody quits.
///
/// # Errors
/// When the terminal cannot be read or written.
pub async fn show(look: impl AsyncFn() -> Looked, every: Duration, colour: bool) -> Result<(), Error> {
    let mut terminal = ratatui::try_init()?;
    let shown = run(&mut terminal, look, every, colour).await;
    ratatui::try_restore()?;
    Ok(shown?)
}

async fn run(
    terminal: &mut DefaultTerminal,
    look: impl AsyncFn() -> Looked,
    every: Duration,
    colour: bool,
) -> io::Result<()> {
    let (looked, mut looks) = mpsc::channel(1);
    let again = Notify::new();
    let looking = async {
        loop {
            if looked.send(look().await).await.is_err() {
                return;
            }
            tokio::select! {
                () = sleep(every) => {}
                () = again.notified() => {}
            }
        }
    };
    let (mut keys, _listening) = listen();
    let showing = async {
        let mut screen = Screen { colour, ..Screen::default() };
        let mut fault: Option<(String, Instant)> = None;
        loop {
            screen.fault = fault.as_ref().map(|(why, since)| (why.clone(), since.elapsed().as_secs_f64()));
            let mut drawn = Drawn { room: 0, last_scroll: 0 };
            terminal.draw(|frame| drawn = screen.draw(frame))?;
            screen.scroll = screen.scroll.min(drawn.last_scroll);
            tokio::select! {
                event = keys.recv() => match event {
                    Some(Ok(Event::Key(key))) if key.kind != KeyEventKind::Release => match pressed(&mut screen, key, drawn) {
                        Wish::Quit => return Ok(()),
                        Wish::Look => again.notify_one(),
                        Wish::Nothing => {}
                    },
                    // a resized window is drawn anew
                    Some(Ok(_)) => {}
                    Some(Err(error)) => return Err(error),
                    None => return Ok(()),
                },
                Some(looked) = looks.recv() => match looked {
                    Ok(status) => (screen.status, fault) = (Some(status), None),
                    Err(why) => fault = Some((why, fault.map_or_else(Instant::now, |(_, since)| since))),
                },
                () = sleep(TICK) => {}
            }
        }
    };
    tokio::select! {
        shown = showing => shown,
        () = looking => Ok(()),
        told = told_to_stop() => told,
    }
}

/// What a key asks of others than the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wish {
    Quit,
    Look,
    Nothing,
}

fn pressed(screen: &mut Screen, key: KeyEvent, drawn: Drawn) -> Wish {
    let page = |screen: &mut Screen, page: usize| (screen.page, screen.scroll) = (page % PAGES.len(), 0);
    match key.code {
        KeyCode::Char('q') | KeyCode::Esc => return Wish::Quit,
        KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => return Wish::Quit,
        KeyCode::Char('r') => return Wish::Look,
        KeyCode::Char(digit @ '1'..='9') => {
            let place = usize::try_from(u32::from(digit) - u32::from('1')).unwrap_or_default();
            if place < PAGES.len() {
                page(screen, place);
            }
        }
        KeyCode::Right | KeyCode::Tab | KeyCode::Char('l') => page(screen, screen.page + 1),
        KeyCode::Left | KeyCode::BackTab | KeyCode::Char('h') => page(screen, screen.page + PAGES.len() - 1),
        KeyCode::Down | KeyCode::Char('j') => screen.scroll = (screen.scroll + 1).min(drawn.last_scroll),
        KeyCode::Up | KeyCode::Char('k') => screen.scroll = screen.scroll.saturating_sub(1),
        KeyCode::PageDown | KeyCode::Char(' ') => screen.scroll = (screen.scroll + drawn.room).min(drawn.last_scroll),
        KeyCode::PageUp => screen.scroll = screen.scroll.saturating_sub(drawn.room),
        KeyCode::Home => screen.scroll = 0,
        KeyCode::End => screen.scroll = drawn.last_scroll,
        _ => {}
    }
    Wish::Nothing
}

/// Events of the terminal, read by a thread of their own: reading blocks.
fn listen() -> (mpsc::UnboundedReceiver<io::Result<Event>>, Listening) {
    let (heard, events) = mpsc::unbounded_channel();
    let listening = Listening(Arc::new(AtomicBool::new(true)));
    let wanted = Arc::clone(&listening.0);
    tokio::task::spawn_blocking(move || {
        while wanted.load(Ordering::Relaxed) {
            let event = match event::poll(LISTEN) {
                Ok(false) => continue,
                Ok(true) => event::read(),
                Err(error) => Err(error),
            };
            let failed = event.is_err();
            if heard.send(event).is_err() || failed {
                return;
            }
        }
    });
    (events, listening)
}

/// The listener ends with it: a runtime waits for its threads.
struct Listening(Arc<AtomicBool>);

impl Drop for Listening {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_turn_the_pages_and_scroll_within_them() {
        let mut screen = Screen::default();
        let drawn = Drawn { room: 10, last_scroll: 15 };
        let mut press = |code| (pressed(&mut screen, KeyEvent::from(code), drawn), screen.page, screen.scroll);
        assert_eq!(press(KeyCode::Left), (Wish::Nothing, PAGES.len() - 1, 0));
        assert_eq!(press(KeyCode::Tab), (Wish::Nothing, 0, 0));
        assert_eq!(press(KeyCode::Char('3')), (Wish::Nothing, 2, 0));
        assert_eq!(press(KeyCode::Char('9')), (Wish::Nothing, 2, 0));
        assert_eq!(press(KeyCode::PageDown), (Wish::Nothing, 2, 10));
        assert_eq!(press(KeyCode::PageDown), (Wish::Nothing, 2, 15));
        assert_eq!(press(KeyCode::Up), (Wish::Nothing, 2, 14));
        assert_eq!(press(KeyCode::Right), (Wish::Nothing, 3, 0), "another page begins at its top");
        assert_eq!(press(KeyCode::Char('r')).0, Wish::Look);
        assert_eq!(press(KeyCode::Char('q')).0, Wish::Quit);
        let interrupt = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
        assert_eq!(pressed(&mut screen, interrupt, drawn), Wish::Quit);
    }
}
