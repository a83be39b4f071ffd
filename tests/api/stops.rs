//! The stops of the tour in `examples/`, each on a store of its own.

#[path = "../../examples/tour/stops/mod.rs"]
#[allow(clippy::panic, clippy::expect_used, reason = "an example shows what fails")]
mod tour;

use smongo::Client;

#[test]
fn every_stop_of_the_tour() {
    for (name, stop) in tour::ALL {
        let client = Client::in_memory().unwrap();
        stop(&client).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}
