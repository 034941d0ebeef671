-- What wrk prints when it has ended: the requests, the microseconds that they took, and the errors.
done = function(summary)
  local errors = summary.errors
  io.write(string.format("report %d %d %d\n", summary.requests, summary.duration,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
