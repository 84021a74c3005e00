//! What the operating system knows of this process: host, processor time, memory. Read from Linux' /proc; elsewhere unknown.

use std::fs;
use std::time::Instant;

/// Units of the times in /proc: USER_HZ, 100 on every architecture that Linux has today (time(7)).
const TICKS_PER_SECOND: f64 = 100.0;
/// Places of utime and stime behind the program's name, which may hold anything and ends with the last bracket (proc_pid_stat(5)).
const TIMES: [usize; 2] = [11, 12];

/// The machine, or the container: in Kubernetes the pod's name.
pub fn host() -> String {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = name.trim();
    if name.is_empty() { "unknown".to_owned() } else { name.to_owned() }
}

/// Memory that the process has in RAM.
pub fn resident_bytes() -> Option<i64> {
    read_resident(&fs::read_to_string("/proc/self/status").ok()?)
}

fn read_resident(status: &str) -> Option<i64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: i64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

fn cpu_seconds() -> Option<f64> {
    read_cpu(&fs::read_to_string("/proc/self/stat").ok()?)
}

fn read_cpu(stat: &str) -> Option<f64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let times = TIMES.map(|place| fields.get(place)?.parse::<f64>().ok());
    Some((times[0]? + times[1]?) / TICKS_PER_SECOND)
}

/// Measures the processor time between two readings.
#[derive(Default)]
pub struct CpuMeter {
    last: Option<(Instant, f64)>,
}

impl CpuMeter {
    /// Seconds since the start of the process, and how many processors it kept busy since the last reading.
    pub fn read(&mut self) -> (Option<f64>, Option<f64>) {
        let Some(seconds) = cpu_seconds() else { return (None, None) };
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

    #[test]
    fn times_are_found_whatever_the_program_is_called() {
        let stat = "42 (a ) b) S 1 42 42 0 -1 4194560 100 0 0 0 150 50 0 0 20 0 5 0 100 1000000 300";
        assert_eq!(read_cpu(stat), Some(2.0));
        assert_eq!(read_cpu("nonsense"), None);
    }

    #[test]
    fn memory_is_read_in_bytes() {
        assert_eq!(read_resident("Name:\tfleet\nVmRSS:\t    2048 kB\n"), Some(2 * 1024 * 1024));
        assert_eq!(read_resident("Name:\tfleet\n"), None);
    }

    #[test]
    fn this_process_is_known() {
        let (seconds, share) = CpuMeter::default().read();
        assert!(seconds.is_some() && share.is_none());
        assert!(resident_bytes().is_some_and(|bytes| bytes > 0));
    }
}
