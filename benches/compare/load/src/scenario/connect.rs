//! WebSockets that connect: TCP, handshake, open packet, CONNECT. They leave before the next slice, off the clock.

use crate::{
    Result,
    net::Net,
    process::Server,
    scenario::{End, Faults, Meter, Sample, Scenario, opening},
};

pub struct Connect {
    pub port: u16,
    pub count: usize,
    pub at_once: usize,
}

impl Scenario for Connect {
    fn slice(&mut self, server: &Server, _end: End) -> Result<Sample> {
        let mut net = Net::new(self.port)?;
        let meter = Meter::start(server)?;
        let failed = opening::open(&mut net, self.count, self.at_once)?;
        let faults = Faults {
            missing: failed as u64,
            ..Faults::default()
        };
        let sample = meter.stop((self.count - failed) as u64, faults)?;
        net.close_all();
        server.settle()?;
        Ok(sample)
    }
}
