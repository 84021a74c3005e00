//! What processes have used, from /proc: CPU time of a whole tree, ended children included, memory and bytes written. See proc(5).
//! Used by the load generator for itself and by [`super::accounts`] for all others.

use std::collections::HashMap;
use std::fs;
use std::time::Duration;

/// `sysconf(_SC_CLK_TCK)` of Linux on every machine it runs on: the unit of the times in /proc.
const TICKS_PER_SECOND: u64 = 100;

/// One line of `/proc/<pid>/stat`, as far as it is of use here.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stat {
    pid: u32,
    parent: u32,
    ticks: u64,
    /// Of its children that have ended and were waited for, and of theirs.
    ticks_of_ended: u64,
}

/// All processes at one moment.
pub struct Processes(HashMap<u32, Stat>);

/// A process with everything below it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    /// User and system time, ended children included.
    pub cpu: Duration,
    pub pids: Vec<u32>,
}

impl Processes {
    /// Looks at every process of the machine; one that ends meanwhile is left out.
    pub fn look() -> Self {
        let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
        let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        let stats = pids.filter_map(|pid| parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?));
        Self(stats.map(|stat| (stat.pid, stat)).collect())
    }

    /// `None` when there is no such process.
    pub fn tree(&self, root: u32) -> Option<Tree> {
        self.0.get(&root)?;
        let mut tree = Tree::default();
        let mut left = vec![root];
        while let Some(pid) = left.pop() {
            let Some(stat) = self.0.get(&pid) else { continue };
            tree.cpu += time(stat.ticks + stat.ticks_of_ended);
            tree.pids.push(pid);
            left.extend(self.0.values().filter(|child| child.parent == pid).map(|child| child.pid));
        }
        Some(tree)
    }

    /// What the ended children of a process have used.
    pub fn ended_children(&self, pid: u32) -> Duration {
        self.0.get(&pid).map_or(Duration::ZERO, |stat| time(stat.ticks_of_ended))
    }
}

fn time(ticks: u64) -> Duration {
    Duration::from_millis(ticks * 1_000 / TICKS_PER_SECOND)
}

/// The name may hold spaces and brackets: fields are counted from its last bracket.
fn parse(line: &str) -> Option<Stat> {
    let (head, tail) = line.rsplit_once(')')?;
    let (pid, _) = head.split_once(" (")?;
    let fields: Vec<&str> = tail.split_whitespace().collect();
    let number = |place: usize| fields.get(place)?.parse::<u64>().ok();
    // tail: state, ppid, … utime is field 14 of the line, then stime, cutime, cstime
    Some(Stat {
        pid: pid.parse().ok()?,
        parent: fields.get(1)?.parse().ok()?,
        ticks: number(11)? + number(12)?,
        ticks_of_ended: number(13)? + number(14)?,
    })
}

/// Resident memory of one process in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    pub now: u64,
    /// Since its start.
    pub peak: u64,
}

pub fn memory(pid: u32) -> Option<Memory> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    Some(Memory { now: field(&status, "VmRSS:")? * 1_024, peak: field(&status, "VmHWM:")? * 1_024 })
}

/// Bytes that a process, with its ended children, has sent to storage; needs the right to look.
pub fn bytes_written(pid: u32) -> Option<u64> {
    field(&fs::read_to_string(format!("/proc/{pid}/io")).ok()?, "write_bytes:")
}

/// The number behind a label.
fn field(text: &str, label: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(label)?.split_whitespace().next()?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = "4711 (a name (odd) x) S 17 4711 4711 0 -1 4194560 100 200 0 0 1000 50 25 20 20 0 1 0 55 66 77";

    #[test]
    fn times_of_a_process_and_of_its_ended_children_are_read_whatever_its_name() {
        let stat = parse(LINE).expect("a line of stat");
        assert_eq!(stat, Stat { pid: 4711, parent: 17, ticks: 1_050, ticks_of_ended: 45 });
        assert_eq!(parse("1 (x) S 0"), None);
        assert_eq!(parse(""), None);
    }

    #[test]
    fn a_tree_sums_everything_below_its_root_and_nothing_else() {
        let stat = |pid, parent, ticks| (pid, Stat { pid, parent, ticks, ticks_of_ended: 1 });
        let all =
            Processes([stat(1, 0, 9_999), stat(2, 1, 100), stat(3, 2, 20), stat(4, 3, 3), stat(5, 1, 500)].into());
        let mut tree = all.tree(2).expect("it lives");
        tree.pids.sort_unstable();
        assert_eq!(tree, Tree { cpu: Duration::from_millis(1_260), pids: vec![2, 3, 4] });
        assert_eq!(all.tree(6), None);
    }

    #[test]
    fn this_very_process_is_found_with_its_memory() {
        let own = std::process::id();
        assert!(Processes::look().tree(own).expect("it lives").pids.contains(&own));
        let memory = memory(own).expect("a status");
        assert!(memory.peak >= memory.now && memory.now > 0);
    }

    #[test]
    fn a_field_is_found_by_its_label() {
        assert_eq!(field("VmPeak:\t 9 kB\nVmRSS:\t  5120 kB\n", "VmRSS:"), Some(5_120));
        assert_eq!(field("rchar: 1\nwrite_bytes: 4096\n", "write_bytes:"), Some(4_096));
    }
}
