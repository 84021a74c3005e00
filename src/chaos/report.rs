//! The report of a run, as Markdown. Written by [`super::run`].

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use super::book::{Figures, Way};
use super::checks::Findings;
use super::injector::Entries;
use super::settle::DeadLetters;

pub struct Report {
    pub command: String,
    pub seed: u64,
    pub length: Duration,
    pub whole: Duration,
    pub figures: Figures,
    pub entries: Entries,
    pub findings: Findings,
    pub outcomes: BTreeMap<String, u64>,
    pub dead_letters: DeadLetters,
    pub audit: String,
}

impl Report {
    pub fn held(&self) -> bool {
        self.findings.violations.is_empty()
    }

    pub fn markdown(&self) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = self.write(&mut text);
        text
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        let faults: usize = self.entries.injected.values().sum();
        let accepted: usize = self.figures.accepted.values().sum();
        let verdict = match self.findings.violations.len() {
            0 => "nothing lost, nothing twice".to_owned(),
            count => format!("**{count} promises broken**"),
        };
        writeln!(out, "# Chaos run: {verdict}\n")?;
        writeln!(
            out,
            "`{}` with seed {}: {} of load and faults, {} in all.\n",
            self.command,
            self.seed,
            time(self.length),
            time(self.whole)
        )?;
        writeln!(out, "| | |\n|---|---:|")?;
        writeln!(out, "| faults injected | {faults} |")?;
        writeln!(
            out,
            "| orders accepted | {accepted} ({} by HTTP, {} by AMQP) |",
            self.by(Way::Http),
            self.by(Way::Amqp)
        )?;
        writeln!(out, "| orders by final status | {} |", list(&self.findings.by_status))?;
        writeln!(out, "| reasons of the failed | {} |", list(&self.findings.by_reason))?;
        writeln!(out, "| longest time without an accepted order | {} |", time(self.figures.longest_gap))?;
        writeln!(out, "| what clients were answered, repeated tries included | {} |", list(&self.figures.answers))?;
        writeln!(
            out,
            "| duplicates sent by clients, copies published by the run | {}, {} |",
            self.figures.duplicates_sent, self.entries.copies
        )?;
        writeln!(
            out,
            "| messages by outcome (duplicates were absorbed; killed processes counted until shortly before) | {} |",
            list(&self.outcomes)
        )?;
        writeln!(out, "| dead letters, replayed at the end | {} |", list(&self.dead_letters))?;
        writeln!(out, "| audit | {} |", self.audit)?;
        self.write_outside(out)?;
        self.write_faults(out)?;
        self.write_outages(out)?;
        if !self.entries.unmade.is_empty() {
            writeln!(out, "\n## Faults that could not be made\n")?;
            self.entries.unmade.iter().try_for_each(|words| writeln!(out, "- {words}"))?;
        }
        writeln!(out, "\n## Violations\n")?;
        if self.held() {
            return writeln!(out, "None.");
        }
        self.findings.violations.iter().try_for_each(|violation| writeln!(out, "- {}", violation.line()))
    }

    fn write_outside(&self, out: &mut String) -> std::fmt::Result {
        let received = &self.findings.received;
        let twice = |repeated: &std::collections::HashMap<String, usize>| repeated.values().sum::<usize>();
        writeln!(out, "\n## Duplicates to the outside\n")?;
        writeln!(
            out,
            "A process that dies after an outside call and before its commit makes the call again: under the same key, by which the other side recognises it.\n"
        )?;
        writeln!(out, "| outside | taken | seen again | |\n|---|---:|---:|---|")?;
        writeln!(
            out,
            "| payment gateway | | {} | recognised by the idempotency key: charged once |",
            self.findings.charge_repeats
        )?;
        writeln!(
            out,
            "| mail server | {} | {} | same Message-ID |",
            received.count_mails,
            twice(&received.repeated_mails)
        )?;
        writeln!(
            out,
            "| push | {} | {} | same tag: replaces what is on the screen |",
            received.count_pushes,
            twice(&received.repeated_pushes)
        )?;
        writeln!(
            out,
            "| SMS | {} | {} | recognised by the idempotency token |",
            received.count_texts, received.recognised_texts
        )
    }

    fn write_faults(&self, out: &mut String) -> std::fmt::Result {
        writeln!(out, "\n## Faults and recovery\n")?;
        writeln!(
            out,
            "Recovery: from healing until an order submitted at that moment is confirmed. Other faults may be active meanwhile.\n"
        )?;
        writeln!(out, "| fault | injected | recovery, median | longest |\n|---|---:|---:|---:|")?;
        for (kind, count) in &self.entries.injected {
            let mut times = self.entries.recoveries.get(kind).cloned().unwrap_or_default();
            times.sort();
            let shown = |time: Option<&Duration>| {
                time.map_or_else(|| "–".to_owned(), |time| format!("{:.1} s", time.as_secs_f64()))
            };
            let (median, longest) = (shown(times.get(times.len() / 2)), shown(times.last()));
            writeln!(out, "| {} | {count} | {median} | {longest} |", kind.name())?;
        }
        Ok(())
    }

    fn write_outages(&self, out: &mut String) -> std::fmt::Result {
        if self.entries.outages.is_empty() {
            return Ok(());
        }
        writeln!(out, "\n## Outages\n")?;
        writeln!(out, "Settled: from the server's return until every order accepted before it is final.\n")?;
        writeln!(out, "| outage | answers while it lasted | orders open at its end | settled |\n|---|---|---:|---:|")?;
        self.entries.outages.iter().try_for_each(|outage| {
            let settled = outage.settled.map_or_else(|| "never".to_owned(), time);
            let answers = list(&outage.answers);
            writeln!(out, "| {} | {answers} | {} | {settled} |", outage.kind.name(), outage.backlog)
        })
    }

    fn by(&self, way: Way) -> usize {
        self.figures.accepted.get(&way).copied().unwrap_or_default()
    }
}

fn list<K: std::fmt::Display, V: std::fmt::Display>(map: &BTreeMap<K, V>) -> String {
    match map.is_empty() {
        true => "none".to_owned(),
        false => map.iter().map(|(name, count)| format!("{name}: {count}")).collect::<Vec<_>>().join(", "),
    }
}

fn time(time: Duration) -> String {
    match time.as_secs() {
        0..60 => format!("{:.1} s", time.as_secs_f64()),
        seconds => format!("{} min {} s", seconds / 60, seconds % 60),
    }
}
