//! What operators run beside the fleet. Reads what the services wrote and takes no part in their work.

pub mod audit;
