//! What stands on the screen, drawn on a terminal in memory.

use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::*;

/// Every part with something in it, shared with the integration tests of the command line.
const WORST: &str = include_str!("../../../tests/it/cli/status.json");

fn worst(page: usize) -> Screen {
    Screen { page, status: Some(serde_json::from_str(WORST).expect("a status")), ..Screen::default() }
}

fn drawn(screen: &Screen, width: u16, height: u16) -> (String, Drawn) {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a terminal in memory");
    let mut drawn = None;
    terminal.draw(|frame| drawn = Some(screen.draw(frame))).expect("drawn");
    (terminal.backend().to_string(), drawn.expect("drawn"))
}

#[test]
fn every_page_shows_its_parts() {
    for (place, (_, name)) in PAGES.iter().enumerate() {
        let name = name.to_lowercase().replace(' ', "_");
        insta::assert_snapshot!(format!("screen_{name}"), drawn(&worst(place), 120, 30).0);
    }
}

#[test]
fn an_api_that_does_not_answer_is_said_above_what_was_last_known() {
    let fault = Some(("the API at http://127.0.0.1:1 cannot be reached".to_owned(), 12.0));
    let (before, _) = drawn(&Screen { fault: fault.clone(), ..Screen::default() }, 100, 8);
    assert!(before.contains("cannot be reached; trying again (for 12 s)"), "{before}");
    let (after, _) = drawn(&Screen { fault, ..worst(0) }, 100, 30);
    assert!(after.contains("trying again (for 12 s; what is below is older)"), "{after}");
    assert!(after.contains("sms-service is silent"), "{after}");
}

#[test]
fn a_long_page_is_scrolled_to_its_end_and_no_further() {
    let (first, reach) = drawn(&worst(1), 100, 12);
    assert!(reach.last_scroll > 0 && first.contains("lines 1-"), "{first}");
    let end = Screen { scroll: 10_000, ..worst(1) };
    let (last, _) = drawn(&end, 100, 12);
    assert_eq!(last, drawn(&Screen { scroll: reach.last_scroll, ..worst(1) }, 100, 12).0);
    assert!(last.contains("the gateway charges twice"), "{last}");
}

#[test]
fn the_smallest_window_is_no_fault() {
    for (width, height) in [(1, 1), (10, 3), (40, 8), (300, 100)] {
        for page in 0..PAGES.len() {
            drawn(&worst(page), width, height);
        }
    }
}

#[test]
fn without_colours_nothing_is_said_by_colour() {
    let mut terminal = Terminal::new(TestBackend::new(100, 30)).expect("a terminal in memory");
    terminal.draw(|frame| _ = worst(0).draw(frame)).expect("drawn");
    assert!(terminal.backend().buffer().content().iter().all(|cell| cell.fg == Color::Reset));
    terminal.draw(|frame| _ = Screen { colour: true, ..worst(0) }.draw(frame)).expect("drawn");
    assert!(terminal.backend().buffer().content().iter().any(|cell| cell.fg == Color::Red));
}
