# For the benchmark: writes how long the webhook's call took, as Request Tracker sees it, and how long creating the asset took.
package RT::Extension::WebhookTimes;
use strict; use warnings; no warnings 'redefine';
use Time::HiRes 'time';

our $VERSION = '1.0';

require RT::Extension::AssetTagWebhook;

sub _note {
    my ($what, $id, $seconds) = @_;
    # Processes share the file: one short write, at its end, is one line.
    open my $file, '>>', RT->Config->Get('WebhookTimesFile') or die "the file of times: $!";
    syswrite $file, sprintf("%s %d %.6f\n", $what, $id, $seconds);
    close $file;
}

my $request_tag = RT::Extension::AssetTagWebhook->can('_request_tag') or die 'the plugin has another function for its call';
*RT::Extension::AssetTagWebhook::_request_tag = sub {
    my ($asset) = @_;
    my $begun = time;
    my $tag = eval { $request_tag->(@_) };
    my $error = $@;
    _note(webhook => $asset->Id, time - $begun);
    die $error if $error;
    return $tag;
};

my $create = RT::Asset->can('Create');
*RT::Asset::Create = sub {
    my $asset = shift;
    my $begun = time;
    my @result = $create->($asset, @_);
    _note(create => $result[0] || 0, time - $begun);
    return wantarray ? @result : $result[0];
};

1;
