//! Who does something: the one type that the API, the histories and the audit log share.

use std::fmt;

use super::Role;
use crate::domain::CustomerId;

/// Who calls, as far as it was proven. Its text form (`customer:cust-7`, `operator:anna`, `admin:root`, `service:shop-1`,
/// `system:order-processor`, `anyone`) is what histories store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    kind: Kind,
    /// The token's subject, the API key's name, or the role of the fleet; `anyone` while access is open.
    subject: String,
    trust: Trust,
}

/// A role, and for customers whose things are theirs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {
    Customer(CustomerId),
    Operator,
    Admin,
}

impl Trust {
    /// A customer needs to be somebody; who has another role is nobody's customer. `None` where that does not fit.
    pub fn of(role: Role, customer: Option<CustomerId>) -> Option<Self> {
        match (role, customer) {
            (Role::Customer, Some(customer)) => Some(Self::Customer(customer)),
            (Role::Operator, None) => Some(Self::Operator),
            (Role::Admin, None) => Some(Self::Admin),
            (Role::Customer, None) | (Role::Operator | Role::Admin, Some(_)) => None,
        }
    }

    pub fn role(&self) -> Role {
        match self {
            Self::Customer(_) => Role::Customer,
            Self::Operator => Role::Operator,
            Self::Admin => Role::Admin,
        }
    }

    /// The one customer whose things may be reached; `None`: everybody's.
    pub fn only_customer(&self) -> Option<&CustomerId> {
        match self {
            Self::Customer(own) => Some(own),
            Self::Operator | Self::Admin => None,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Proven by a token.
    Person,
    /// Proven by an API key.
    Service,
    /// A role of the fleet itself.
    System,
    /// Nobody had to prove anything: access is open.
    Anyone,
}

impl Actor {
    /// Somebody with a token.
    pub fn person(subject: impl Into<String>, trust: Trust) -> Self {
        Self { kind: Kind::Person, subject: subject.into(), trust }
    }

    /// A program with an API key of this name.
    pub fn service(name: impl Into<String>, trust: Trust) -> Self {
        Self { kind: Kind::Service, subject: name.into(), trust }
    }

    /// A role of the fleet, like `order-processor`.
    pub fn system(role: impl Into<String>) -> Self {
        Self { kind: Kind::System, subject: role.into(), trust: Trust::Admin }
    }

    /// Whoever calls while access is open; may do everything.
    pub fn anyone() -> Self {
        Self { kind: Kind::Anyone, subject: "anyone".to_owned(), trust: Trust::Admin }
    }

    pub fn role(&self) -> Role {
        self.trust.role()
    }

    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The one customer whose things this actor may reach: lists are narrowed to it. `None`: everybody's.
    pub fn only_customer(&self) -> Option<&CustomerId> {
        self.trust.only_customer()
    }

    /// Whether this actor may see and change what belongs to this customer.
    pub fn reaches(&self, customer: &CustomerId) -> bool {
        self.only_customer().is_none_or(|own| own == customer)
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.kind, &self.trust) {
            (Kind::Person, Trust::Customer(own)) => write!(f, "customer:{own}"),
            (Kind::Person, Trust::Operator | Trust::Admin) => write!(f, "{}:{}", self.role(), self.subject),
            (Kind::Service, _) => write!(f, "service:{}", self.subject),
            (Kind::System, _) => write!(f, "system:{}", self.subject),
            (Kind::Anyone, _) => f.write_str("anyone"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn histories_name_actors_by_what_they_proved() {
        let customer = Trust::Customer(CustomerId::parse("cust-7").expect("valid"));
        for (actor, text) in [
            (Actor::person("eve@example.com", customer.clone()), "customer:cust-7"),
            (Actor::person("anna", Trust::Operator), "operator:anna"),
            (Actor::person("root", Trust::Admin), "admin:root"),
            (Actor::service("shop-1", customer), "service:shop-1"),
            (Actor::system("order-processor"), "system:order-processor"),
            (Actor::anyone(), "anyone"),
        ] {
            assert_eq!(actor.to_string(), text);
        }
    }

    #[test]
    fn a_customer_reaches_nothing_of_others() {
        let id = |text: &str| CustomerId::parse(text).expect("valid");
        let customer = Actor::person("eve", Trust::Customer(id("cust-7")));
        assert!(customer.reaches(&id("cust-7")) && !customer.reaches(&id("cust-8")));
        assert!(Actor::person("anna", Trust::Operator).reaches(&id("cust-8")));
    }
}
