//go:build keepmods
package main
import (
 _ "go.mongodb.org/mongo-driver/v2/mongo"
 _ "go.mongodb.org/mongo-driver/v2/bson"
 _ "github.com/wneessen/go-mail"
 _ "github.com/emersion/go-smtp"
 _ "github.com/emersion/go-sasl"
 _ "go.opentelemetry.io/otel"
 _ "go.opentelemetry.io/otel/sdk/trace"
 _ "go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
 _ "golang.org/x/time/rate"
)
