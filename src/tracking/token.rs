//! Tracking tokens: an order's id under a seal. Pure. 48 characters of base64url, 36 bytes: the number of the key, the order's id, and
//! the first 152 bits of an HMAC-SHA256 over both. Who has no key cannot make one for another order, or change one.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use uuid::Uuid;

use crate::domain::OrderId;

/// What the seal is about, so that it is never valid for anything else that may be sealed by the same key.
const PURPOSE: &[u8] = b"order-fleet tracking link 1";
const ID: usize = 16;
const SEAL: usize = 19;
const TOKEN: usize = 1 + ID + SEAL;

/// The secrets, the newest first.
#[derive(Clone)]
pub(super) struct Keys(Vec<(u8, Vec<u8>)>);

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(number, _)| number)).finish()
    }
}

impl Keys {
    /// Of each key its number, 1 to 255, and its secret. The first one signs.
    pub fn new(keys: Vec<(i16, Vec<u8>)>) -> Self {
        Self(keys.into_iter().filter_map(|(number, secret)| Some((u8::try_from(number).ok()?, secret))).collect())
    }

    /// `None` when there is no key.
    pub fn token(&self, order: OrderId) -> Option<String> {
        let (number, secret) = self.0.first()?;
        let seal = seal(secret, *number, order)?.finalize().into_bytes();
        let mut bytes = Vec::with_capacity(TOKEN);
        bytes.push(*number);
        bytes.extend_from_slice(order.0.as_bytes());
        bytes.extend_from_slice(seal.get(..SEAL)?);
        Some(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// The order that a token belongs to; `None` for whatever is not one of ours.
    pub fn open(&self, token: &str) -> Option<OrderId> {
        let bytes: [u8; TOKEN] = URL_SAFE_NO_PAD.decode(token).ok()?.try_into().ok()?;
        let [number, rest @ ..] = &bytes;
        let (id, sealed) = rest.split_at_checked(ID)?;
        let order = OrderId(Uuid::from_slice(id).ok()?);
        let (_, secret) = self.0.iter().find(|(known, _)| known == number)?;
        // compares in constant time
        seal(secret, *number, order)?.verify_truncated_left(sealed).ok()?;
        Some(order)
    }
}

fn seal(secret: &[u8], number: u8, order: OrderId) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).ok()?;
    mac.update(PURPOSE);
    mac.update(&[number]);
    mac.update(order.0.as_bytes());
    Some(mac)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn keys(numbers: &[i16]) -> Keys {
        Keys::new(numbers.iter().map(|number| (*number, vec![u8::try_from(*number).expect("a byte"); 32])).collect())
    }

    #[test]
    fn a_token_leads_to_its_order_and_any_change_of_it_to_none() {
        let keys = keys(&[7]);
        let order = OrderId(Uuid::from_u128(0x0199_c1d2_7a40_7c1e_9d43_0c2f_5a1b_e001));
        let token = keys.token(order).expect("a token");
        assert_eq!((token.len(), keys.open(&token)), (48, Some(order)));
        for place in 0..token.len() {
            for other in ["A", "B", "_", "/", "=", "é"] {
                let changed = format!("{}{other}{}", &token[..place], &token[place + 1..]);
                assert!(changed == token || keys.open(&changed).is_none(), "{changed}");
            }
        }
        for bad in ["", "A", &token[1..], &token[..47], &format!("{token}AAAA")] {
            assert_eq!(keys.open(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_seal_of_one_order_does_not_open_another_and_a_deleted_key_opens_nothing() {
        let both = keys(&[8, 7]);
        let orders = [1, 2].map(|n| OrderId(Uuid::from_u128(n)));
        let tokens = orders.map(|order| URL_SAFE_NO_PAD.decode(both.token(order).expect("a token")).expect("base64"));
        let mixed = [&tokens[0][..17], &tokens[1][17..]].concat();
        assert_eq!(both.open(&URL_SAFE_NO_PAD.encode(mixed)), None);
        let old = keys(&[7]).token(orders[0]).expect("a token");
        assert_eq!(both.open(&old), Some(orders[0]), "the older key still verifies");
        assert_eq!(keys(&[8]).open(&old), None);
        assert_eq!(keys(&[]).token(orders[0]), None);
    }

    proptest! {
        #[test]
        fn nothing_that_was_not_made_here_is_a_token(bytes in prop::collection::vec(any::<u8>(), 36), text in ".*") {
            let mut bytes = bytes;
            bytes[0] = 7;
            prop_assert_eq!(keys(&[7]).open(&URL_SAFE_NO_PAD.encode(bytes)), None);
            prop_assert_eq!(keys(&[7]).open(&text), None);
        }
    }
}
