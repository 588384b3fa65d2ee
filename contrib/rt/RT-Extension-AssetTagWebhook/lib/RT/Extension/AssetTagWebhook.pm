package RT::Extension::AssetTagWebhook;
use strict; use warnings; no warnings 'redefine';
use 5.010;

our $VERSION = '1.0';

use JSON ();
use LWP::UserAgent;

=head1 NAME

RT::Extension::AssetTagWebhook - gets a tag from RequestTracker Utils when an asset is created

=head1 CONFIGURATION

    Plugin('RT::Extension::AssetTagWebhook');
    Set($AssetTagWebhookURL,      'https://utils.example.org/webhook/asset-created');
    Set($AssetTagWebhookToken,    'the webhook token');
    Set($AssetTagWebhookCatalogs, ['Chromebooks']);    # missing or empty: all catalogs
    Set($AssetTagWebhookTimeout,  5);                  # seconds, for the whole call
    Set($AssetTagWebhookStage,    'inside');           # or 'after': after the asset is committed

The asset is created even if the call fails. Failed calls are logged.

=cut

# Seconds that creating an asset waits at most.
use constant DEFAULT_TIMEOUT => 5;
# The length of RT's column for names.
use constant LONGEST_NAME => 255;

sub Setting {
    my $name = shift;
    return RT->Config->Get("AssetTagWebhook$name");
}

sub Stage { return (Setting('Stage') // '') eq 'after' ? 'after' : 'inside' }

# Gets the tag of a new asset and renames the asset. Never dies.
sub AssetCreated {
    my $asset = shift;
    my $id = $asset->Id or return;
    return unless Setting('URL');
    local ($@, $!, $?);
    eval {
        local $SIG{__DIE__} = 'DEFAULT';
        # Read as the system user: people who create an asset may lack the right to see its catalog or to rename it.
        my $seen = RT::Asset->new(RT->SystemUser);
        $seen->Load($id);
        die "the asset cannot be read\n" unless $seen->Id;
        my $catalog = $seen->CatalogObj->Name;
        if (_wanted($catalog)) {
            my $tag = _ask($seen, $catalog);
            _name($asset, $seen, $tag) if defined $tag;
        }
        1;
    } or RT->Logger->error("AssetTagWebhook: asset #$id has no tag yet: " . _one_line($@));
    return;
}

sub _wanted {
    my $catalog = shift;
    my $chosen = Setting('Catalogs');
    my @chosen = ref $chosen eq 'ARRAY' ? @$chosen : grep { defined and length } $chosen;
    return 1 unless @chosen;
    return scalar grep { $_ eq $catalog } @chosen;
}

sub _ask {
    my ($asset, $catalog) = @_;
    my $timeout = Setting('Timeout') || DEFAULT_TIMEOUT;
    # No redirects: the token is only for the configured address.
    my $agent = LWP::UserAgent->new(timeout => $timeout, max_redirect => 0, max_size => 65536, agent => "RT-AssetTagWebhook/$VERSION");
    my $token = Setting('Token');
    my $response;
    my $answered = eval {
        # LWP's own timeout restarts with each byte that arrives.
        local $SIG{ALRM} = sub { die "no complete answer within $timeout seconds\n" };
        my $before = alarm($timeout + 1);
        my $posted = eval {
            $response = $agent->post(
                Setting('URL'),
                'Content-Type' => 'application/json',
                (defined $token && length $token ? (Authorization => "Bearer $token") : ()),
                Content => JSON->new->utf8->encode({
                    asset_id   => $asset->Id + 0,
                    asset_name => $asset->Name // '',
                    catalog    => $catalog // '',
                    event      => 'create',
                    timestamp  => time,
                }),
            );
            1;
        };
        my $error = $@;
        alarm($before || 0);
        die $error unless $posted;
        1;
    };
    die $@ unless $answered;
    die 'the webhook answered ' . $response->status_line . "\n" unless $response->is_success;
    my $answer = eval { JSON->new->utf8->decode($response->decoded_content(charset => 'none')) };
    die "the webhook's answer is not a JSON object\n" unless ref $answer eq 'HASH';
    return $answer->{asset_tag};
}

sub _name {
    my ($asset, $seen, $tag) = @_;
    die "the webhook's asset_tag cannot be a name\n"
        if ref $tag or $tag !~ /\D/ or $tag =~ /[[:cntrl:]]/ or length $tag > LONGEST_NAME;
    return if ($seen->Name // '') eq $tag;
    my ($ok, $message) = $seen->SetName($tag);
    die "the name was not set: $message\n" unless $ok;
    # The caller's object still has the old name.
    $asset->{values}{name} = $tag if ref $asset->{values} eq 'HASH';
    RT->Logger->info('AssetTagWebhook: asset #' . $seen->Id . " is named $tag");
    return;
}

# Log lines contain neither the token nor line breaks from other systems.
sub _one_line {
    my $text = shift // 'unknown error';
    my $token = Setting('Token');
    $text =~ s/\Q$token\E/[token]/g if defined $token and length $token;
    $text =~ s/\s+/ /g;
    return substr $text, 0, 300;
}

# RT's configuration page would show the token to every administrator. (RT has already recorded where the option was set: keep that.)
$RT::Config::META{AssetTagWebhookToken}{Immutable} = 1;
$RT::Config::META{AssetTagWebhookToken}{Obfuscate} = sub { 'Token not printed' };

require RT::Asset;

my $create = RT::Asset->can('Create');
*RT::Asset::Create = sub {
    my $self = shift;
    my @result = $create->($self, @_);
    AssetCreated($self) if $result[0] and Stage() eq 'after';
    return wantarray ? @result : $result[0];
};

my $new_transaction = RT::Asset->can('_NewTransaction');
*RT::Asset::_NewTransaction = sub {
    my ($self, %args) = @_;
    my @result = $new_transaction->($self, %args);
    AssetCreated($self) if $result[0] and ($args{Type} // '') eq 'Create' and Stage() eq 'inside';
    return wantarray ? @result : $result[0];
};

1;
