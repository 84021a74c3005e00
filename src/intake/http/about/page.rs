//! The pages about problems, as HTML. Their texts are ours, so nothing of a request is in them.

use super::super::problem::ProblemKind;

/// All kinds with their status.
pub(super) fn list() -> String {
    let rows = ProblemKind::ALL
        .map(|kind| format!("<li><a href=\"{}\">{}</a> ({})</li>", kind.uri(), kind.slug(), kind.status().as_u16()));
    frame("Problems", &format!("<h1>Problems</h1>\n<ul>\n{}\n</ul>", rows.join("\n")))
}

/// One kind: what it means, what to do, and an example.
pub(super) fn of(kind: ProblemKind) -> String {
    let (status, slug, title) = (kind.status(), kind.slug(), kind.title());
    let example = serde_json::json!({
        "type": kind.uri(), "title": title, "status": status.as_u16(), "detail": kind.example(),
    });
    let content = format!(
        "<h1>{title}</h1>\n<p><code>{slug}</code>, status {status}</p>\n<h2>What it means</h2>\n<p>{}</p>\n\
         <h2>What to do</h2>\n<p>{}</p>\n<h2>Example</h2>\n<pre>{}</pre>\n<p><a href=\"/problems\">All problems</a></p>",
        text(kind.meaning()),
        text(kind.remedy()),
        text(&format!("{example:#}")),
    );
    frame(title, &content)
}

fn frame(title: &str, content: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{title}</title>\n\
         <style>body{{font:1rem/1.5 sans-serif;max-width:44rem;margin:2rem auto;padding:0 1rem}}\
         pre{{background:#f3f3f3;padding:1rem;overflow:auto}}</style>\n</head>\n<body>\n{content}\n</body>\n</html>\n"
    )
}

/// Text as HTML; what stands between backticks is code, except where a backtick has no partner.
fn text(text: &str) -> String {
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let parts: Vec<&str> = escaped.split('`').collect();
    if parts.len().is_multiple_of(2) {
        return escaped;
    }
    let marked = parts.iter().enumerate().map(|(place, part)| match place % 2 {
        0 => (*part).to_owned(),
        _ => format!("<code>{part}</code>"),
    });
    marked.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_escaped_and_code_is_marked() {
        assert_eq!(text("a `<b>` & c"), "a <code>&lt;b&gt;</code> &amp; c");
        assert_eq!(text("a ` c"), "a ` c");
    }
}
