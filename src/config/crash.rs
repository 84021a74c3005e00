//! Where a process is to die. Only in builds with the feature `crash-points`; used by `runtime` and by the replay of dead letters.

use clap::Args;

use crate::crash_points;

#[derive(Args, Clone, Debug)]
pub struct CrashArgs {
    /// Die at this boundary, as in payment-service/after_outside_call; with /3 behind it, when it is passed the third time; or
    /// over every message that contains a text, as in payment-service/poison/tok_poison.
    #[arg(long, env = "FLEET_CRASH_AT", value_name = "ROLE/BOUNDARY")]
    pub crash_at: Option<String>,
}

impl CrashArgs {
    pub fn arm(&self) {
        if let Some(crash_at) = &self.crash_at {
            crash_points::arm(crash_at);
        }
    }
}
