//! What processes have used: CPU time of a whole tree, ended children included. Used by the load generator for itself and by
//! [`super::accounts`] for all others.

use std::collections::HashMap;
use std::fs;
use std::time::Duration;

use crate::telemetry::Stat;

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
        let stats = entries.filter_map(|entry| Stat::of(entry.file_name().to_str()?.parse().ok()?));
        Self(stats.map(|stat| (stat.pid, stat)).collect())
    }

    /// `None` when there is no such process.
    pub fn tree(&self, root: u32) -> Option<Tree> {
        self.0.get(&root)?;
        let mut tree = Tree::default();
        let mut left = vec![root];
        while let Some(pid) = left.pop() {
            let Some(stat) = self.0.get(&pid) else { continue };
            tree.cpu += stat.cpu + stat.cpu_of_ended;
            tree.pids.push(pid);
            left.extend(self.0.values().filter(|child| child.parent == pid).map(|child| child.pid));
        }
        Some(tree)
    }

    /// What the ended children of a process have used.
    pub fn ended_children(&self, pid: u32) -> Duration {
        self.0.get(&pid).map_or(Duration::ZERO, |stat| stat.cpu_of_ended)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_sums_everything_below_its_root_and_nothing_else() {
        let milliseconds = Duration::from_millis;
        let stat =
            |pid, parent, cpu| (pid, Stat { pid, parent, cpu: milliseconds(cpu), cpu_of_ended: milliseconds(10) });
        let all = Processes(
            [stat(1, 0, 99_990), stat(2, 1, 1_000), stat(3, 2, 200), stat(4, 3, 30), stat(5, 1, 5_000)].into(),
        );
        let mut tree = all.tree(2).expect("it lives");
        tree.pids.sort_unstable();
        assert_eq!(tree, Tree { cpu: milliseconds(1_260), pids: vec![2, 3, 4] });
        assert_eq!(all.tree(6), None);
    }

    #[test]
    fn this_very_process_is_found() {
        let own = std::process::id();
        assert!(Processes::look().tree(own).expect("it lives").pids.contains(&own));
    }
}
