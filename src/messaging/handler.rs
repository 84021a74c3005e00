//! What a service is to the messaging layer: it reads, calls outside if it must, and applies a batch in one transaction.
//! It returns what it wants published and never touches acks.

use sqlx::PgConnection;
use uuid::Uuid;

use super::{Failure, Incoming};
use crate::contract::Outgoing;
use crate::topology::{WorkQueue, names};

/// One message on its way through [`Handler::apply`].
pub struct Delivery<H: Handler> {
    pub incoming: Incoming,
    pub message: H::Message,
    pub fetched: H::Fetched,
}

/// Where a handler's messages come from, and where those go that it fails to handle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A queue with a retry ladder.
    Work(WorkQueue),
    /// The end of the road: what cannot be handled here stays in the queue.
    DeadLetters,
}

impl Source {
    pub fn queue(self) -> &'static str {
        match self {
            Self::Work(queue) => queue.name(),
            Self::DeadLetters => names::DEAD_LETTERS,
        }
    }
}

/// What became of one message.
#[derive(Debug)]
pub enum Outcome {
    /// Its effects are in the transaction; these messages follow from it.
    Done(Vec<Outgoing>),
    /// It is not handled: it will come again. What the handler wrote of it to the transaction stays, as the log of an attempt does.
    Failed(Failure),
}

pub trait Handler: Send + Sync + Sized + 'static {
    type Message: Send + Sync + 'static;
    /// What [`Handler::look_up`] finds for one message; `()` where nothing is needed.
    type Context: Default + Send + Sync + 'static;
    /// What [`Handler::call_outside`] brings back; `()` where nothing is called.
    type Fetched: Send + Sync + 'static;

    /// Name of the role; the inbox keeps its messages apart by it.
    const ROLE: &'static str;
    const SOURCE: Source;
    /// Whether `call_outside` must run. It runs outside of any transaction, once the inbox has said that the message is new,
    /// and again if the process dies before the commit: it needs a key that stays the same.
    const CALLS_OUTSIDE: bool = false;
    /// Who is called, as an operator names it: the breaker is around it.
    const DEPENDENCY: &'static str = "outside call";

    /// What the inbox knows the message by.
    fn identity(&self, incoming: &Incoming) -> Uuid {
        incoming.message_id
    }

    /// # Errors
    /// The text says what is wrong with the message, every fault at once.
    fn decode(&self, incoming: &Incoming) -> Result<Self::Message, Failure>;

    /// Messages that do not concern this service are acknowledged without a trace; replayed ones leave their row in the inbox.
    fn concerns(&self, _message: &Self::Message) -> bool {
        true
    }

    /// Reads what the outside calls of these messages depend on. Only called when [`Handler::CALLS_OUTSIDE`]; one entry per message,
    /// a missing one is the default.
    fn look_up(
        &self,
        _db: &mut PgConnection,
        _messages: &[&Self::Message],
    ) -> impl Future<Output = Result<Vec<Self::Context>, sqlx::Error>> + Send {
        std::future::ready(Ok(Vec::new()))
    }

    /// What [`Handler::call_outside`] would bring back without calling anyone; `None` where it would call.
    fn without_call(&self, _message: &Self::Message, _context: &Self::Context) -> Option<Self::Fetched> {
        None
    }

    /// The outside call of one message; many run at the same time.
    fn call_outside(
        &self,
        incoming: &Incoming,
        message: &Self::Message,
        context: Self::Context,
    ) -> impl Future<Output = Result<Self::Fetched, Failure>> + Send;

    /// Applies a batch. One outcome per delivery, in their order.
    ///
    /// # Errors
    /// A database error rolls the whole batch back: an outage is waited out, anything else makes the batch run one by one.
    fn apply(
        &self,
        db: &mut PgConnection,
        batch: &[&Delivery<Self>],
    ) -> impl Future<Output = Result<Vec<Outcome>, sqlx::Error>> + Send;
}
