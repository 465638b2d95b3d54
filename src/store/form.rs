//! How values lie in rows: a leading byte names the form, so that a row is never read as what it is not.
//!
//! ```text
//! 0x01 MessagePack                         what is written; fields by their names
//! any first byte of a JSON text            replicas, and every row of a data directory from before the compact form
//! ```
//! No JSON text begins with a control character other than white space, and serde_json writes none of that in front.

use serde::{Serialize, de::DeserializeOwned};

use super::fault::StoreFault;

const COMPACT: u8 = 1;

/// Room that most rows need, in bytes.
const USUAL_BYTES: usize = 512;

/// A value in the compact form.
///
/// # Errors
/// `Value` when the type cannot be encoded.
pub(super) fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, StoreFault> {
    let mut row = Vec::with_capacity(USUAL_BYTES);
    row.push(COMPACT);
    // Types that look at it must find the same when read through a buffer of serde, which always says human-readable.
    let mut serializer = rmp_serde::Serializer::new(&mut row)
        .with_struct_map()
        .with_human_readable();
    value
        .serialize(&mut serializer)
        .map_err(|_| StoreFault::value_data::<T>())?;
    Ok(row)
}

/// A value out of a row of either form.
///
/// # Errors
/// `Value` when it is no `T`; `UnknownForm`.
pub(super) fn decode<T: DeserializeOwned>(row: &[u8]) -> Result<T, StoreFault> {
    match row {
        [COMPACT, value @ ..] => {
            let mut deserializer =
                rmp_serde::Deserializer::from_read_ref(value).with_human_readable();
            T::deserialize(&mut deserializer)
                .map_err(|error| StoreFault::value::<T>(category(&error)))
        }
        [form, ..] if !begins_json(*form) => Err(StoreFault::UnknownForm {
            type_name: std::any::type_name::<T>(),
            form: *form,
        }),
        json => serde_json::from_slice(json).map_err(|error| StoreFault::json::<T>(&error)),
    }
}

fn begins_json(byte: u8) -> bool {
    matches!(
        byte,
        b'{' | b'[' | b'"' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n'
    )
}

fn category(error: &rmp_serde::decode::Error) -> &'static str {
    use rmp_serde::decode::Error;
    match error {
        Error::InvalidMarkerRead(_) | Error::InvalidDataRead(_) => "end of input",
        _ => "data",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    #[serde(tag = "state", rename_all = "snake_case")]
    enum State {
        Begun,
        Held {
            #[serde(flatten)]
            hold: Hold,
        },
        Ended {
            key: [u8; 32],
            from: Option<std::net::Ipv4Addr>,
        },
    }

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    struct Hold {
        since: jiff::Timestamp,
        why: Why,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        escalated: Option<u64>,
    }

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Why {
        Person(String),
        Both(String, u64),
        Other,
    }

    fn state() -> impl Strategy<Value = State> {
        let why = prop_oneof![
            ".*".prop_map(Why::Person),
            (".*", any::<u64>()).prop_map(|(text, number)| Why::Both(text, number)),
            Just(Why::Other),
        ];
        let held = (any::<u32>(), why, any::<Option<u64>>()).prop_map(|(since, why, escalated)| {
            let since = jiff::Timestamp::from_second(since.into()).unwrap();
            State::Held {
                hold: Hold {
                    since,
                    why,
                    escalated,
                },
            }
        });
        let ended =
            (any::<[u8; 32]>(), any::<Option<[u8; 4]>>()).prop_map(|(key, from)| State::Ended {
                key,
                from: from.map(Into::into),
            });
        prop_oneof![Just(State::Begun), held, ended]
    }

    proptest! {
        #[test]
        fn a_value_comes_back_from_either_form(value in state()) {
            prop_assert_eq!(decode::<State>(&encode(&value).unwrap()).unwrap(), value.clone());
            let before = serde_json::to_vec(&value).unwrap();
            prop_assert_eq!(decode::<State>(&before).unwrap(), value);
        }

        #[test]
        fn a_row_that_is_cut_is_refused(value in state(), cut in any::<prop::sample::Index>()) {
            let row = encode(&value).unwrap();
            let kept = &row[..cut.index(row.len())];
            prop_assert!(decode::<State>(kept).is_err());
        }

        #[test]
        fn any_bytes_are_read_or_refused(row in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = decode::<State>(&row);
        }
    }

    #[test]
    fn a_form_that_is_not_known_is_refused_with_what_to_do() {
        let mut row = encode(&7_u64).unwrap();
        row[0] = 2;
        let refused = decode::<u64>(&row).unwrap_err();
        assert!(matches!(refused, StoreFault::UnknownForm { form: 2, .. }));
        assert!(refused.to_string().contains("open the data directory"));
    }
}
