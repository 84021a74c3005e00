//! What can be broken. Planned by [`super::schedule`], inflicted by [`super::inflict`].

use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

use clap::ValueEnum;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, ValueEnum)]
pub enum Kind {
    /// kill -9 of a role; it is started again after a moment.
    Kill,
    /// SIGTERM to a role; it must end with code 0 and is started again.
    Terminate,
    BrokerRestart,
    BrokerKill,
    DatabaseRestart,
    DatabaseKill,
    /// The connections of one role are closed and refused for a while.
    Cut,
    CutAll,
    /// Every packet of one role takes longer.
    Delay,
    DelayAll,
    /// The connections of one role stay open and carry nothing.
    Stall,
    StallAll,
    /// Messages of any kind are published a second time at once.
    Duplicates,
    /// Old events, replies and requests are published again, newest first.
    LateCopies,
    PaymentErrors,
    PaymentSlow,
    MailDown,
    SmsDown,
    PushDown,
    MemoryAlarm,
    DiskAlarm,
    /// A worker runs with a wrong clock for a while (needs libfaketime).
    ClockSkew,
    /// kill -9 of one node of the cluster (only with --cluster).
    NodeKill,
    /// One node of the cluster is cut off from the others (only with --cluster).
    NodeCut,
    /// The broker is away for a minute (only when asked for).
    BrokerAway,
    /// The database is away for half a minute (only when asked for).
    DatabaseAway,
}

impl Kind {
    pub fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// Nothing can make progress meanwhile, or only little; two of these never overlap.
    pub fn stops_everything(self) -> bool {
        match self {
            Self::BrokerRestart
            | Self::BrokerKill
            | Self::DatabaseRestart
            | Self::DatabaseKill
            | Self::CutAll
            | Self::DelayAll
            | Self::StallAll
            | Self::MemoryAlarm
            | Self::DiskAlarm
            | Self::NodeKill
            | Self::NodeCut
            | Self::BrokerAway
            | Self::DatabaseAway => true,
            Self::Kill
            | Self::Terminate
            | Self::Cut
            | Self::Delay
            | Self::Stall
            | Self::Duplicates
            | Self::LateCopies
            | Self::PaymentErrors
            | Self::PaymentSlow
            | Self::MailDown
            | Self::SmsDown
            | Self::PushDown
            | Self::ClockSkew => false,
        }
    }

    pub fn needs_cluster(self) -> bool {
        matches!(self, Self::NodeKill | Self::NodeCut)
    }

    /// So long that the run is about nothing else: what clients are answered meanwhile, and how long the backlog takes.
    pub fn is_outage(self) -> bool {
        matches!(self, Self::BrokerAway | Self::DatabaseAway)
    }

    /// Aims at one process of the fleet.
    pub fn has_target(self) -> bool {
        matches!(self, Self::Kill | Self::Terminate | Self::Cut | Self::Delay | Self::Stall | Self::ClockSkew)
    }

    /// How often it is among the faults of one round.
    pub fn weight(self) -> usize {
        match self {
            Self::Kill => 3,
            Self::Terminate => 2,
            Self::BrokerRestart
            | Self::BrokerKill
            | Self::DatabaseRestart
            | Self::DatabaseKill
            | Self::Cut
            | Self::CutAll
            | Self::Delay
            | Self::DelayAll
            | Self::Stall
            | Self::StallAll
            | Self::Duplicates
            | Self::LateCopies
            | Self::PaymentErrors
            | Self::PaymentSlow
            | Self::MailDown
            | Self::SmsDown
            | Self::PushDown
            | Self::MemoryAlarm
            | Self::DiskAlarm
            | Self::ClockSkew
            | Self::BrokerAway
            | Self::DatabaseAway => 1,
            // A run with a cluster is about these.
            Self::NodeKill | Self::NodeCut => 3,
        }
    }

    /// Seconds from inflicting to healing, at least and at most. Restarts take their own time on top.
    pub fn seconds(self) -> (f64, f64) {
        match self {
            Self::Kill | Self::Terminate => (0.2, 3.0),
            Self::BrokerRestart | Self::BrokerKill => (1.0, 8.0),
            Self::DatabaseRestart => (0.0, 1.0),
            Self::DatabaseKill => (1.0, 8.0),
            Self::Cut | Self::CutAll => (0.2, 6.0),
            Self::Delay | Self::DelayAll => (4.0, 12.0),
            Self::Stall | Self::StallAll => (3.0, 14.0),
            Self::Duplicates | Self::LateCopies => (0.0, 0.0),
            Self::PaymentErrors | Self::PaymentSlow => (10.0, 20.0),
            Self::MailDown | Self::SmsDown | Self::PushDown => (5.0, 15.0),
            Self::MemoryAlarm | Self::DiskAlarm => (3.0, 12.0),
            Self::ClockSkew => (8.0, 20.0),
            Self::NodeKill | Self::NodeCut => (4.0, 15.0),
            Self::BrokerAway => (60.0, 60.0),
            Self::DatabaseAway => (30.0, 30.0),
        }
    }
}

impl Kind {
    /// From which [`Fault::measure`] is drawn.
    pub fn measure(self) -> RangeInclusive<u64> {
        match self {
            Self::Delay => 50..=400,
            // Of every packet of every role: more would not be a delay but a standstill.
            Self::DelayAll => 10..=60,
            Self::Duplicates | Self::LateCopies => 20..=80,
            Self::ClockSkew => 30..=3_600,
            Self::NodeKill | Self::NodeCut => 1..=3,
            Self::Kill
            | Self::Terminate
            | Self::BrokerRestart
            | Self::BrokerKill
            | Self::DatabaseRestart
            | Self::DatabaseKill
            | Self::Cut
            | Self::CutAll
            | Self::Stall
            | Self::StallAll
            | Self::PaymentErrors
            | Self::PaymentSlow
            | Self::MailDown
            | Self::SmsDown
            | Self::PushDown
            | Self::MemoryAlarm
            | Self::DiskAlarm
            | Self::BrokerAway
            | Self::DatabaseAway => 0..=0,
        }
    }
}

/// Which of a role's two connections is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Broker,
    Database,
    Both,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// From 1, in the order of the schedule.
    pub number: usize,
    pub at: Duration,
    pub lasts: Duration,
    pub kind: Kind,
    /// Name of the process.
    pub target: Option<&'static str>,
    pub side: Side,
    /// Milliseconds of delay, copies to publish, seconds of skew, or the node: by kind.
    pub measure: u64,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.kind.name())?;
        if let Some(target) = self.target {
            write!(f, " {target}")?;
        }
        if matches!(self.kind, Kind::Cut | Kind::CutAll | Kind::Stall | Kind::StallAll | Kind::Delay | Kind::DelayAll) {
            write!(f, ", {:?}", self.side)?;
        }
        if matches!(self.kind, Kind::Delay | Kind::DelayAll) {
            write!(f, " by {} ms", self.measure)?;
        }
        if matches!(self.kind, Kind::Duplicates | Kind::LateCopies) {
            write!(f, ", {} messages", self.measure)?;
        }
        if self.kind == Kind::ClockSkew {
            write!(f, ", {} s ahead", self.measure)?;
        }
        if self.kind.needs_cluster() {
            write!(f, " {}", self.measure)?;
        }
        if !self.lasts.is_zero() {
            write!(f, ", for {:.1} s", self.lasts.as_secs_f64())?;
        }
        Ok(())
    }
}
