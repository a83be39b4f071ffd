//! The documents: flat ones, nested ones, and ones that are mostly arrays.

use smongo_benches::Random;
use smongo_vm::value::{DocBuf, Value};

const CITIES: [&str; 8] = ["amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "heath"];
const STATUSES: [&str; 4] = ["active", "pending", "closed", "archived"];

/// A dozen fields, all scalars: about 230 bytes.
pub fn flat(random: &mut Random, number: u64) -> DocBuf {
    DocBuf::build(|doc| {
        doc.value("_id", Value::int64(number as i64));
        doc.string("name", &format!("customer {:06}", random.below(100_000)));
        doc.value("qty", Value::int32(random.below(100) as i32));
        doc.value("price", Value::double(random.below(100_000) as f64 / 100.0));
        doc.string("status", random.pick(&STATUSES));
        doc.value("created", Value::date_time(1_600_000_000_000 + random.below(100_000_000_000) as i64));
        doc.value("views", Value::int64(random.below(1 << 40) as i64));
        doc.value("verified", Value::bool(random.below(2) == 0));
        doc.value("score", Value::double(random.below(1_000_000) as f64 / 1000.0));
        doc.string("city", random.pick(&CITIES));
        doc.value("deleted", Value::NULL);
        doc.string("note", "a text of some length that nothing asks for");
    })
}

/// Documents in documents, three levels deep: about 280 bytes.
pub fn nested(random: &mut Random, number: u64) -> DocBuf {
    DocBuf::build(|doc| {
        doc.value("_id", Value::int64(number as i64));
        doc.document("customer", |customer| {
            customer.string("name", &format!("customer {:06}", random.below(100_000)));
            customer.document("address", |address| {
                address.string("street", "a street of some length");
                address.string("city", random.pick(&CITIES));
                address.value("zip", Value::int32(10_000 + random.below(90_000) as i32));
            });
            customer.value("since", Value::date_time(1_500_000_000_000 + random.below(100_000_000_000) as i64));
        });
        doc.document("totals", |totals| {
            totals.value("net", Value::double(random.below(100_000) as f64 / 100.0));
            totals.value("tax", Value::double(random.below(10_000) as f64 / 100.0));
        });
        doc.string("status", random.pick(&STATUSES));
        doc.document("audit", |audit| {
            audit.string("by", "somebody");
            audit.value("at", Value::date_time(1_700_000_000_000 + random.below(10_000_000_000) as i64));
        });
    })
}

/// Arrays of numbers, of strings and of documents: about 700 bytes.
pub fn arrays(random: &mut Random, number: u64) -> DocBuf {
    DocBuf::build(|doc| {
        doc.value("_id", Value::int64(number as i64));
        doc.array("scores", |scores| {
            (0..20).for_each(|_| scores.value(Value::int32(random.below(100) as i32)));
        });
        doc.array("tags", |tags| {
            (0..8).for_each(|_| tags.value(Value::string(&format!("t{}", random.below(100)))));
        });
        doc.array("items", |items| {
            for _ in 0..4 {
                items.document(|item| {
                    item.string("sku", &format!("sku-{}", random.below(100)));
                    item.value("quantity", Value::int32(1 + random.below(9) as i32));
                    item.value("price", Value::double(random.below(100_000) as f64 / 100.0));
                });
            }
        });
        doc.string("note", "a text of some length that nothing asks for");
    })
}
