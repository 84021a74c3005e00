//! The gateway that the settings chose. Built by `config::outbound`, used by the payment-service.

use uuid::Uuid;

use super::{Charge, ChargeRequest, GatewayError, HttpGateway, PaymentGateway, Refund, SimulatedGateway};

#[derive(Debug)]
pub enum Gateway {
    Simulated(SimulatedGateway),
    Http(HttpGateway),
}

impl PaymentGateway for Gateway {
    async fn charge(&self, request: &ChargeRequest) -> Result<Charge, GatewayError> {
        match self {
            Self::Simulated(gateway) => gateway.charge(request).await,
            Self::Http(gateway) => Box::pin(gateway.charge(request)).await,
        }
    }

    async fn refund(&self, key: Uuid, charged: Option<&str>) -> Result<Refund, GatewayError> {
        match self {
            Self::Simulated(gateway) => gateway.refund(key, charged).await,
            Self::Http(gateway) => Box::pin(gateway.refund(key, charged)).await,
        }
    }
}
