//! Sensors: readings by the thousand, averages by the hour, and data that expires.

use std::time::Duration;

use smongo::bson::{DateTime, Document, doc};
use smongo::options::IndexOptions;
use smongo::{Client, IndexModel, Result};

/// Noon of a day long ago, in milliseconds since the epoch.
const START_MS: i64 = 1_704_110_400_000;

pub fn run(client: &Client) -> Result<()> {
    let readings = client.database("plant").collection::<Document>("readings");
    // Two sensors, a reading a minute for five hours; the temperature climbs half a degree an hour.
    let documents = (0..600_i64).map(|n| {
        let (sensor, minute) = (n % 2, n / 2);
        let at = DateTime::from_millis(START_MS + minute * 60_000);
        doc! { "sensor": sensor, "at": at, "celsius": 20.0 + (minute / 60) as f64 * 0.5 + sensor as f64 }
    });
    readings.insert_many(documents).ordered(false).run()?;
    readings.create_index(doc! { "sensor": 1, "at": -1 }).run()?;

    let hourly = readings
        .aggregate([
            doc! { "$match": { "sensor": 1_i64 } },
            doc! { "$group": {
                "_id": { "$dateTrunc": { "date": "$at", "unit": "hour" } },
                "average": { "$avg": "$celsius" }, "readings": { "$sum": 1 },
            } },
            doc! { "$sort": { "_id": 1 } },
        ])
        .run()?
        .collect::<Result<Vec<_>>>()?;
    println!("from {} to {}", hourly[0], hourly[4]);
    assert_eq!(hourly.len(), 5);
    assert_eq!(hourly[4].get_f64("average").ok(), Some(23.0));

    let latest = readings.find_one(doc! { "sensor": 0_i64 }).sort(doc! { "at": -1 }).run()?;
    assert_eq!(latest.and_then(|reading| reading.get_f64("celsius").ok()), Some(22.0));

    // Older than thirty days: gone, without anyone asking.
    let expire = IndexOptions::builder().expire_after(Duration::from_secs(30 * 86_400)).build();
    readings.create_index(IndexModel::builder().keys(doc! { "at": 1 }).options(expire).build()).run()?;
    Ok(())
}
