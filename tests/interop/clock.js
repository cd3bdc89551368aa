// protocol.md section 4.2, "Time": the high-water mark of min(own clock, relay's clock).
const DAY = 86400;
export class Clock {
  // own(): seconds of the device's clock; mono(): seconds that only go forward. Tests replace them.
  constructor({ own = () => Date.now() / 1000, mono = () => performance.now() / 1000, mark = 0 } = {}) {
    Object.assign(this, { own, mono, mark, relay: null, agreed: false, start: { own: own(), at: mono() }, from: null });
  }
  // After a handshake: the relay's minute.
  heard(minute) { this.relay = { minute, at: this.mono() }; this.now(); }
  relayNow() { return this.relay && this.relay.minute * 60 + (this.mono() - this.relay.at); }
  agrees() { return !!this.relay && Math.abs(this.own() - this.relayNow()) <= DAY; }
  now() {
    if (!this.relay) return Math.max(this.own(), this.mark); // own clock, never behind the mark
    if (this.agrees()) {
      this.agreed = true;
      this.from = null;
      this.mark = Math.max(this.mark, Math.min(this.own(), this.relayNow() + 59)); // somewhere in that minute
      return this.mark;
    }
    // They differ: monotonic time from the mark, or from the start for whoever never saw them agree.
    this.from ??= this.mark ? { t: this.mark, at: this.mono() } : { t: this.start.own, at: this.start.at };
    if (this.agreed) this.mark = Math.max(this.mark, Math.min(this.own(), this.relay.minute * 60));
    return Math.max(this.mark, this.from.t + (this.mono() - this.from.at));
  }
  // Section 7.1: the relay's minute while the two agree, else the sender's.
  sentMinute() { return Math.floor((this.agrees() ? this.relayNow() : this.own()) / 60); }
}
