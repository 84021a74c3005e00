//! Reads server-sent events (WHATWG HTML, 9.2.6) out of whatever pieces an answer arrives in. Called by `watch`.

/// One event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerEvent {
    pub name: String,
    /// The last id that the stream has set, with this event or before.
    pub id: String,
    pub data: String,
}

/// Bytes in, events out. Only what a blank line has ended is an event: a stream that breaks off leaves no half one behind.
#[derive(Debug, Default)]
pub struct EventParser {
    pending: Vec<u8>,
    event: ServerEvent,
    has_data: bool,
}

impl EventParser {
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<ServerEvent> {
        self.pending.extend_from_slice(bytes);
        let mut events = Vec::new();
        while let Some(end) = self.pending.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.pending.drain(..=end).collect();
            events.extend(self.line(String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n'])));
        }
        events
    }

    fn line(&mut self, line: &str) -> Option<ServerEvent> {
        if line.is_empty() {
            let id = self.event.id.clone();
            let event = std::mem::replace(&mut self.event, ServerEvent { id, ..ServerEvent::default() });
            return std::mem::take(&mut self.has_data).then_some(event);
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.event.name),
            "id" => value.clone_into(&mut self.event.id),
            "data" => {
                if std::mem::replace(&mut self.has_data, true) {
                    self.event.data.push('\n');
                }
                self.event.data.push_str(value);
            }
            // comments, retry, and whatever comes later
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &[u8] = b"retry: 2000\n\n: a comment\nevent: transition\nid: 7\ndata: {\"a\":\ndata: 1}\n\nid\r\nevent:heartbeat\r\ndata: {}\r\n\r\ndata: lost";

    #[test]
    fn events_are_read_however_the_stream_is_cut_into_pieces() {
        for size in 1..STREAM.len() {
            let mut parser = EventParser::default();
            let events: Vec<ServerEvent> = STREAM.chunks(size).flat_map(|piece| parser.feed(piece)).collect();
            let event = |name: &str, id: &str, data: &str| ServerEvent {
                name: name.to_owned(),
                id: id.to_owned(),
                data: data.to_owned(),
            };
            assert_eq!(events, [event("transition", "7", "{\"a\":\n1}"), event("heartbeat", "", "{}")]);
        }
    }

    #[test]
    fn an_id_stays_until_there_is_another() {
        let mut parser = EventParser::default();
        let events = parser.feed(b"id: 1\ndata: a\n\ndata: b\n\nid: 2\n\ndata: c\n\n");
        assert_eq!(events.iter().map(|event| event.id.as_str()).collect::<Vec<_>>(), ["1", "1", "2"]);
    }
}
