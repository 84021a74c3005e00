//! What the operating system knows of processes: processor time, memory, the host's name. Read from Linux' /proc, see proc(5);
//! elsewhere unknown. The heartbeat tells it of its own process, the bench asks for all.

use std::fs;
use std::time::{Duration, Instant};

/// Units of the times in /proc: USER_HZ, 100 on every architecture that Linux has today (time(7)).
const TICKS_PER_SECOND: u64 = 100;

/// One line of `/proc/<pid>/stat`, as far as it is of use here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stat {
    pub pid: u32,
    pub parent: u32,
    /// User and system time.
    pub cpu: Duration,
    /// Of its children that have ended and were waited for, and of theirs.
    pub cpu_of_ended: Duration,
}

impl Stat {
    /// `None` when there is no such process, or no /proc.
    pub fn of(pid: u32) -> Option<Self> {
        parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }
}

/// The name may hold spaces and brackets: fields are counted from its last bracket.
fn parse(line: &str) -> Option<Stat> {
    let (head, tail) = line.rsplit_once(')')?;
    let (pid, _) = head.split_once(" (")?;
    let fields: Vec<&str> = tail.split_whitespace().collect();
    let ticks = |place: usize| fields.get(place)?.parse::<u64>().ok();
    let time = |ticks: u64| Duration::from_millis(ticks * 1_000 / TICKS_PER_SECOND);
    // tail: state, ppid, … utime is field 14 of the line, then stime, cutime, cstime
    Some(Stat {
        pid: pid.parse().ok()?,
        parent: fields.get(1)?.parse().ok()?,
        cpu: time(ticks(11)? + ticks(12)?),
        cpu_of_ended: time(ticks(13)? + ticks(14)?),
    })
}

/// Resident memory of one process in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    pub now: u64,
    /// Since its start.
    pub peak: u64,
}

impl Memory {
    /// As [`Stat::of`].
    pub fn of(pid: u32) -> Option<Self> {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        Some(Self { now: field(&status, "VmRSS:")? * 1_024, peak: field(&status, "VmHWM:")? * 1_024 })
    }
}

/// Bytes that a process, with its ended children, has sent to storage; needs the right to look.
pub fn bytes_written(pid: u32) -> Option<u64> {
    field(&fs::read_to_string(format!("/proc/{pid}/io")).ok()?, "write_bytes:")
}

/// The number behind a label.
fn field(text: &str, label: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(label)?.split_whitespace().next()?.parse().ok())
}

/// The machine, or the container: in Kubernetes the pod's name.
pub fn host() -> String {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = name.trim();
    if name.is_empty() { "unknown".to_owned() } else { name.to_owned() }
}

/// Measures the processor time between two readings.
#[derive(Default)]
pub struct CpuMeter {
    last: Option<(Instant, f64)>,
}

impl CpuMeter {
    /// Seconds since the start of the process, and how many processors it kept busy since the last reading.
    pub fn read(&mut self) -> (Option<f64>, Option<f64>) {
        let Some(seconds) = Stat::of(std::process::id()).map(|stat| stat.cpu.as_secs_f64()) else {
            return (None, None);
        };
        let now = Instant::now();
        let share = self.last.replace((now, seconds)).and_then(|(then, before)| {
            let passed = now.duration_since(then).as_secs_f64();
            (passed > 0.0).then(|| (seconds - before) / passed)
        });
        (Some(seconds), share)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = "4711 (a name (odd) x) S 17 4711 4711 0 -1 4194560 100 200 0 0 1000 50 25 20 20 0 1 0 55 66 77";

    #[test]
    fn times_of_a_process_and_of_its_ended_children_are_read_whatever_its_name() {
        let (cpu, cpu_of_ended) = (Duration::from_millis(10_500), Duration::from_millis(450));
        assert_eq!(parse(LINE), Some(Stat { pid: 4711, parent: 17, cpu, cpu_of_ended }));
        assert_eq!(parse("1 (x) S 0"), None);
        assert_eq!(parse(""), None);
    }

    #[test]
    fn a_field_is_found_by_its_label() {
        assert_eq!(field("VmPeak:\t 9 kB\nVmRSS:\t  5120 kB\n", "VmRSS:"), Some(5_120));
        assert_eq!(field("rchar: 1\nwrite_bytes: 4096\n", "write_bytes:"), Some(4_096));
        assert_eq!(field("Name:\tfleet\n", "VmRSS:"), None);
    }

    #[test]
    fn this_process_is_known() {
        let (seconds, share) = CpuMeter::default().read();
        assert!(seconds.is_some() && share.is_none());
        let memory = Memory::of(std::process::id()).expect("a status");
        assert!(memory.peak >= memory.now && memory.now > 0);
    }
}
