//! Receipt handles: the right to delete or extend one delivery.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use super::error::Error;

/// Names one delivery of one message.
///
/// Each receive draws a new nonce and stores it with the message, so handles of earlier deliveries differ from the
/// newest one, also after a restart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Receipt {
    pub(super) queue: u64,
    pub(super) message: u64,
    pub(super) nonce: u128,
}

impl Receipt {
    pub(super) fn to_handle(self) -> String {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&self.queue.to_be_bytes());
        bytes[8..16].copy_from_slice(&self.message.to_be_bytes());
        bytes[16..].copy_from_slice(&self.nonce.to_be_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads a handle that must belong to the queue with this number.
    pub(super) fn parse(handle: &str, queue: u64) -> Result<Self, Error> {
        let bytes = URL_SAFE_NO_PAD
            .decode(handle)
            .ok()
            .and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
        let bytes = bytes.ok_or(Error::ReceiptHandle("it was never given out"))?;
        let number = |at: usize| u64::from_be_bytes(bytes[at..at + 8].try_into().expect("8 of 32 bytes"));
        let nonce = u128::from(number(16)) << 64 | u128::from(number(24));
        let receipt = Self {
            queue: number(0),
            message: number(8),
            nonce,
        };
        if receipt.queue != queue {
            return Err(Error::ReceiptHandle("it belongs to another queue"));
        }
        Ok(receipt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_is_read_back_by_its_own_queue_only() {
        let receipt = Receipt {
            queue: 7,
            message: u64::MAX,
            nonce: 1 << 100 | 5,
        };
        let handle = receipt.to_handle();
        assert_eq!(Receipt::parse(&handle, 7).unwrap(), receipt);
        for (handle, queue) in [(handle.as_str(), 8), ("", 7), ("not a handle", 7), (&handle[1..], 7)] {
            assert!(
                matches!(Receipt::parse(handle, queue), Err(Error::ReceiptHandle(_))),
                "{handle} for queue {queue}"
            );
        }
    }
}
