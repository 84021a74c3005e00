//! Tables that fit the terminal: on a narrow one the least important columns go first, then the last one is cut. For the live status;
//! lists of ids use `Output::table`, which never cuts.

/// Fewer characters of free text say nothing.
const LEAST_TEXT: usize = 12;
/// Between two columns.
const GAP: usize = 2;

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Align {
    Left,
    Right,
}

/// One column; `rank` 0 is never left out, the highest goes first.
pub struct Column {
    pub title: &'static str,
    pub align: Align,
    pub rank: u8,
}

/// How a row is painted; with colours, a whole line says it best.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    Plain,
    Dim,
    Warn,
    Bad,
}

pub struct Row {
    pub cells: Vec<String>,
    pub tone: Tone,
}

/// The lines of a table, header first, none wider than `width`, each with the tone of its row; `None` is the header's.
pub fn lay_out(columns: &[Column], rows: &[Row], width: Option<usize>) -> Vec<(String, Option<Tone>)> {
    let widest = |at: usize| {
        let cells = rows.iter().filter_map(|row| row.cells.get(at)).map(|cell| cell.chars().count());
        cells.chain([columns[at].title.chars().count()]).max().unwrap_or(0)
    };
    // a column without a word in it is left out on any terminal
    let has_words = |at: &usize| rows.iter().any(|row| row.cells.get(*at).is_some_and(|cell| !cell.is_empty()));
    let mut shown: Vec<usize> = (0..columns.len()).filter(has_words).collect();
    let mut widths: Vec<usize> = (0..columns.len()).map(widest).collect();
    if let Some(width) = width {
        let needed = |shown: &[usize], last: usize| -> usize {
            let others: usize = shown.iter().take(shown.len().saturating_sub(1)).map(|at| widths[*at] + GAP).sum();
            others + last
        };
        // the last column may shrink to a few words before another has to go
        let least = |shown: &[usize]| shown.last().map_or(0, |at| widths[*at].min(LEAST_TEXT));
        while needed(&shown, least(&shown)) > width
            && let Some(least_wanted) =
                shown.iter().copied().filter(|at| columns[*at].rank > 0).max_by_key(|at| columns[*at].rank)
        {
            shown.retain(|at| *at != least_wanted);
        }
        if let Some(last) = shown.last().copied() {
            let others = needed(&shown, 0);
            widths[last] = widths[last].min(width.saturating_sub(others)).max(1);
        }
    }
    let line = |cells: &dyn Fn(usize) -> String| {
        let cell = |at: &usize| pad(&cells(*at), widths[*at], columns[*at].align);
        let text: Vec<String> = shown.iter().map(cell).collect();
        let text = text.join(&" ".repeat(GAP));
        let text = text.trim_end();
        width.map_or_else(|| text.to_owned(), |width| cut(text, width))
    };
    let header = (line(&|at| columns[at].title.to_owned()), None);
    let rows = rows.iter().map(|row| (line(&|at| row.cells.get(at).cloned().unwrap_or_default()), Some(row.tone)));
    std::iter::once(header).chain(rows).collect()
}

fn pad(text: &str, width: usize, align: Align) -> String {
    let text = cut(text, width);
    let padding = " ".repeat(width.saturating_sub(text.chars().count()));
    match align {
        Align::Left => text + &padding,
        Align::Right => padding + &text,
    }
}

/// The text, or its beginning and an ellipsis.
pub fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let kept: String = text.chars().take(width.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

/// Lines of words, none longer than `width` unless a word is; all but the first begin with `indent` blanks.
pub fn wrap(text: &str, width: Option<usize>, indent: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last().map_or(0, |line| line.chars().count());
        let starts = lines.last().is_none_or(|line| line.trim().is_empty());
        if !starts && width.is_some_and(|width| line + 1 + word.chars().count() > width) {
            lines.push(format!("{}{word}", " ".repeat(indent)));
        } else if let Some(last) = lines.last_mut() {
            if !starts {
                last.push(' ');
            }
            last.push_str(word);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(width: Option<usize>) -> Vec<String> {
        let column = |title, align, rank| Column { title, align, rank };
        let columns = [
            column("role", Align::Left, 0),
            column("host", Align::Left, 2),
            column("waits", Align::Right, 1),
            column("why", Align::Left, 0),
        ];
        let row = |cells: [&str; 4]| Row { cells: cells.map(str::to_owned).to_vec(), tone: Tone::Plain };
        let rows =
            [row(["payment-service", "host-1", "12", "the gateway is down"]), row(["scheduler", "host-1", "", ""])];
        lay_out(&columns, &rows, width).into_iter().map(|(line, _)| line).collect()
    }

    #[test]
    fn a_narrow_terminal_loses_the_least_important_columns_and_then_words() {
        assert_eq!(
            table(None),
            [
                "role             host    waits  why",
                "payment-service  host-1     12  the gateway is down",
                "scheduler        host-1",
            ]
        );
        assert_eq!(table(Some(44))[1], "payment-service  host-1     12  the gateway…");
        assert_eq!(table(Some(40))[1], "payment-service     12  the gateway is…");
        assert_eq!(table(Some(30))[1], "payment-service  the gateway…");
        for width in 1..60 {
            assert!(table(Some(width)).iter().all(|line| line.chars().count() <= width), "{width}");
        }
    }

    #[test]
    fn a_long_sentence_is_broken_between_words() {
        assert_eq!(wrap("nobody consumes payment_requests", Some(18), 2), ["nobody consumes", "  payment_requests"]);
        assert_eq!(wrap("one line", None, 2), ["one line"]);
    }
}
