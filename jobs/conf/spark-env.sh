# Sourced by every start of Spark: drops the lines that Java, Spark and XGBoost print about themselves, and keeps all the rest.
exec 2> >(exec grep --line-buffered -v \
    -e '^WARNING: Using incubator modules: jdk.incubator.vector$' \
    -e '^Setting default log level to "WARN"' \
    -e '^\[[0-9:]*\] Task [0-9]* got rank' \
    -e '^To adjust logging level use sc.setLogLevel' >&2)
