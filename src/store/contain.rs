//! Keeps panics of the storage engine inside this room: sled panics on some damaged files.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

thread_local! {
    static CONTAINED: Cell<bool> = const { Cell::new(false) };
}

/// The storage engine panicked; its message is left out because it can quote rows.
pub(super) struct Panicked;

/// Runs `act`; a panic in it becomes `Panicked` and prints nothing but its place to the log.
pub(super) fn contain<T>(act: impl FnOnce() -> T) -> Result<T, Panicked> {
    quieten();
    let outer = CONTAINED.replace(true);
    let outcome = catch_unwind(AssertUnwindSafe(act));
    CONTAINED.set(outer);
    outcome.map_err(|_payload| Panicked)
}

/// Every other panic still reaches the hook that was installed before.
fn quieten() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let previous = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let of_sled = std::thread::current()
                .name()
                .is_some_and(|name| name.starts_with("sled-io-"));
            if CONTAINED.get() || of_sled {
                let place = panic
                    .location()
                    .map_or_else(String::new, ToString::to_string);
                tracing::error!(place, "the storage engine stopped on inconsistent data");
            } else {
                previous(panic);
            }
        }));
    });
}

#[cfg(test)]
mod tests {
    use super::contain;

    #[test]
    fn a_panic_becomes_an_answer_and_the_thread_goes_on() {
        assert!(contain(|| panic!("quotes a row")).is_err());
        assert_eq!(contain(|| 1).ok(), Some(1));
    }
}
